"""Service mode: submit a batch, wait for it, fail loudly, leave nothing behind."""

import json
from datetime import timedelta

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.common.sql.sensors.sql import SqlSensor
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
        # Two runs of one day, of which one was triggered by hand, would both delete and then both insert.
        "mutex_key": f"tags.members:{tag}:{DAY}",
        "payload": {"source": "warehouse", "statement": "CALL tags.refresh($1, $2)", "args": [tag, DAY]},
    }
    for tag in TAGS
]

# One key for the run. Without the try number, so that a retry finds the batch of the first
# try; with a constant and not the task's id, because every task has to make the same key.
BATCH = "airflow:{{ dag.dag_id }}:{{ run_id }}:tags"

# The tags as an asset, for DAGs that are scheduled on it: OpenLineage reads nothing of the statements here.
MEMBERS = Asset("warehouse://tags/members")

# Who submitted it: columns of tagreport.batches and tagreport.attempts.
CONTEXT = """{{ {
    'dag_id': dag.dag_id, 'run_id': run_id, 'task_id': ti.task_id, 'map_index': ti.map_index, 'try_number': ti.try_number,
    'logical_date': dag_run.logical_date and dag_run.logical_date.isoformat(), 'log_url': ti.log_url
} | tojson }}"""

# One statement, every parameter with a cast: psycopg 3 needs both. Airflow skips the teardown of a run that it
# ends by dagrun_timeout or that is deleted. What is left of the batch is cancelled when it expires.
SUBMIT = """
SELECT tagexec.submit_jobs(%(batch)s::text, %(jobs)s::jsonb,
                           %(context)s::jsonb || jsonb_build_object('expires_at', now() + interval '6 hours'))
"""

with DAG(
    dag_id="tags_daily",
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2026, 11, 1, tz="UTC"),
    catchup=False,
    default_args={
        "conn_id": "tagexec",
        "retries": 3,
        "retry_delay": timedelta(seconds=30),
        "show_return_value_in_logs": True,
    },
):
    submit = SQLExecuteQueryOperator(
        task_id="submit_tags",
        sql=SUBMIT,
        parameters={"batch": BATCH, "jobs": json.dumps(JOBS), "context": CONTEXT},
    )
    wait = SqlSensor(
        task_id="wait_for_tags",
        sql="SELECT tagexec.batch_settled(%(batch)s::text)",
        parameters={"batch": BATCH},
        hook_params={"enable_log_db_messages": True},  # how far the batch is, and why nothing of it runs
        mode="reschedule",  # a poke is a task start of its own, between two of them nothing is held
        poke_interval=60,
        timeout=timedelta(hours=4).total_seconds(),
    )
    check = SQLExecuteQueryOperator(
        task_id="check_tags",
        sql="SELECT tagexec.assert_batch_ok(%(batch)s::text)",
        parameters={"batch": BATCH},
        outlets=[MEMBERS],
        retries=0,  # the jobs had their own attempts; asking again changes nothing
    )
    cancel = SQLExecuteQueryOperator(
        task_id="cancel_leftovers",
        sql="SELECT tagexec.cancel_batch(%(batch)s::text, %(reason)s::text)",
        parameters={"batch": BATCH, "reason": "Airflow run {{ run_id }} ended"},
    )
    submit >> wait >> check >> cancel.as_teardown(setups=submit)
