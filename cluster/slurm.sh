#!/usr/bin/env bash
# A study in one Slurm job: scheduler, workers and client; nothing runs on the login node. From the project's folder:
#     sbatch --ntasks 9 --cpus-per-task 2 --time 4:00:00 cluster/slurm.sh tools/seeds.py 20
# One task is the scheduler and the client, the others are workers. A job that is cut off goes on when submitted again.
set -euo pipefail
export DASK_CONFIG=${DASK_CONFIG:-$HOME/.mnist-tls} # of `python cluster/certificate.py ~/.mnist-tls`
bin=$PWD/.venv/bin
file=$PWD/.dvc/tmp/scheduler-$SLURM_JOB_ID.json # the project is on the file system that all nodes share
trap 'rm -f "$file"; kill $(jobs -p) 2>/dev/null || true; wait' EXIT

"$bin/python" -m dask scheduler --protocol tls --port 0 --scheduler-file "$file" --no-dashboard &
scheduler=$!
until [ -s "$file" ]; do
    kill -0 "$scheduler" || exit 1
    sleep 1
done
srun --ntasks "$((SLURM_NTASKS - 1))" "$bin/python" -m dask worker --scheduler-file "$file" --nthreads 1 \
    --memory-limit 0 --no-dashboard --death-timeout 60 --local-directory "${TMPDIR:-/tmp}" &
"$bin/python" "$@" --scheduler "$file" --workers "$((SLURM_NTASKS - 1))"
