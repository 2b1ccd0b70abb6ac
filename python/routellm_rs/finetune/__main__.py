"""``python -m routellm_rs.finetune bert | causal | convert``: see ``--help``."""

import sys

from ._cli import main

if __name__ == "__main__":
    sys.exit(main())
