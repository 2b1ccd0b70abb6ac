#!/bin/sh
# Trains a router by each specification here, from the repository's root: benchmarks/trainers/run.sh [ROUTELLM]
# The data have to be in ../shared/data. What learns nothing says so, and the others go on.
set -u
routellm=${1:-target/release/routellm}
mkdir -p target/trainers
for spec in benchmarks/trainers/*.json; do
    name=$(basename "$spec" .json)
    "$routellm" train run "$spec" >/dev/null && echo "$name: trained" || echo "$name: no router"
done
