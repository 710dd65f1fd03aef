"""One-shot mode: the whole batch is one task, and the executor runs inside it."""

import json
from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator

try:  # Airflow 3
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

TAGS = ["high_value", "churn_risk", "new_customer"]

JOBS = [
    {
        "tag": tag,
        "biz_date": "{{ ds }}",
        "payload": {"source": "warehouse", "statement": "CALL tags.refresh($1, $2)", "args": [tag, "{{ ds }}"]},
    }
    for tag in TAGS
]

# What AIRFLOW_CTX_* does not have; tagexec takes the rest from there.
CONTEXT = "{{ {'map_index': ti.map_index, 'log_url': ti.log_url} | tojson }}"

with DAG(
    dag_id="tags_one_shot",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 11, 1, tz="UTC"),
    catchup=False,
):
    BashOperator(
        task_id="run_tags",
        # exec: a signal for the task then reaches tagexec and not a shell before it.
        bash_command='exec tagexec run --batch "$BATCH" --jobs - --context "$CONTEXT" <<<"$JOBS"',
        # Values in the environment need no quoting for the shell. TAGEXEC_DATABASE_URL and
        # TAGEXEC_SQL_SOURCES are the worker's: a login that may execute is not Airflow's to know.
        env={
            "BATCH": "airflow:{{ dag.dag_id }}:{{ run_id }}:tags",
            "JOBS": "\n".join(json.dumps(job) for job in JOBS),
            "CONTEXT": CONTEXT,
        },
        append_env=True,
        output_processor=json.loads,  # the last line is one JSON object: the task's XCom
        execution_timeout=timedelta(hours=2),
        retries=3,  # a retry runs only what has not succeeded
        retry_delay=timedelta(seconds=30),
    )
