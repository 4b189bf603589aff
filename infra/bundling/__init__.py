"""What one function is made of: the library modules it can reach, the packages these need, and the zip of both."""

from bundling.archive import build
from bundling.functions import Function, functions
from bundling.library import Needs, needs
from bundling.requirements import requirements_text

__all__ = ["Function", "Needs", "build", "functions", "needs", "requirements_text"]
