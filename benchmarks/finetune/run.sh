#!/bin/sh
# Fine-tunes by each specification here, from the repository's root: benchmarks/finetune/run.sh [PYTHON]
# PYTHON has the package with its extra `train`; the data are in ../shared/data, and the base models in target/finetune, where
# tools/models/README.md puts them. A run that was killed goes on; what is finished is only evaluated again.
set -u
python=${1:-python3}
for spec in benchmarks/finetune/*.json; do
    name=$(basename "$spec" .json)
    "$python" -m routellm_rs.finetune "${name%%-*}" "$spec" && echo "$name: done" || echo "$name: failed"
done
