"""One-shot mode: the whole batch is one task, and the executor runs inside it."""

import json
from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.timetables.interval import CronDataIntervalTimetable

try:  # Airflow 3
    from airflow.sdk import DAG, Asset
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.datasets import Dataset as Asset

TAGS = ["high_value", "churn_risk", "new_customer"]

# The day that is computed, the same on Airflow 2.11 and 3: that of the run's data interval, and of the
# trigger where a run has no logical date.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"

JOBS = [
    {
        "tag": tag,
        "biz_date": DAY,
        "mutex_key": f"tags.members:{tag}:{DAY}",  # two runs of one day do not run beside each other
        "payload": {"source": "warehouse", "statement": "CALL tags.refresh($1, $2)", "args": [tag, DAY]},
    }
    for tag in TAGS
]

# The tags as an asset, for DAGs that are scheduled on it: OpenLineage reads nothing of the statements here.
MEMBERS = Asset("warehouse://tags/members")

# What AIRFLOW_CTX_* does not have; tagexec takes the rest from there. A killed task hands its jobs back, and what no
# later try has run is cancelled when the batch expires.
CONTEXT = """{{ {
    'map_index': ti.map_index, 'log_url': ti.log_url,
    'expires_at': (macros.datetime.utcnow() + macros.timedelta(hours=6)).isoformat() ~ 'Z'
} | tojson }}"""

with DAG(
    dag_id="tags_one_shot",
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="UTC"),
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
        outlets=[MEMBERS],
        execution_timeout=timedelta(hours=2),
        retries=3,  # a retry runs only what has not succeeded
        retry_delay=timedelta(seconds=30),
    )
