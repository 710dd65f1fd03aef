#!/usr/bin/env bash
# Runs these DAGs on the real Airflow, with a real Postgres and real executors:
#   test.sh         both sets of versions
#   test.sh 2.11    requirements-2.11.txt: Airflow 2.11, psycopg2
#   test.sh 3       requirements-3.txt: Airflow 3, psycopg 3
# Needs Go, Python 3.11 or 3.12 with its venv module, and a package index of
# Python; Airflow goes into a virtual environment that is deleted afterwards.
set -euo pipefail
case ${1:-} in
  '' | 2.11 | 3) ;;
  *) echo "usage: test.sh [2.11|3]" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."
exec go test -tags airflow -count=1 -timeout 30m -v -run "TestAirflow/^${1:-.*}\$" ./cmd/tagexec
