"""Export a checkpoint: `python -m routellm_rs.finetune.export` under its name of before.

export.py classifier SRC OUT [--quantize int8|fp16]
export.py causal SRC OUT [--style ts|dynamo] [--no-past]
export.py genai SRC OUT [--precision fp32|fp16|int8|int4]
"""

import sys

try:
    from routellm_rs.finetune.export import main
except ImportError as error:
    sys.exit(f"{error}: pip install routellm-rs[train], or the wheel that `make python-wheel` builds")

if __name__ == "__main__":
    main()
