"""``python -m routellm_rs.doctor [ARTIFACT]`` prints what a report of a defect needs."""

import sys

from ._doctor import doctor, main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# The package shows the function by this name, also to those who import the module.
sys.modules[__name__] = doctor  # type: ignore[assignment]
