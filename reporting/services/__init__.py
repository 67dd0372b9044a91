from reporting.services.figures import CannotRead, read_again

__all__ = ["CannotRead", "read_again"]
