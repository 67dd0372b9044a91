from reporting.services.figures import CannotRead, read_again
from reporting.services.leaving import leave

__all__ = ["CannotRead", "leave", "read_again"]
