"""A plain INSERT … SELECT: for jobs that a query already has, and who knows SQL."""

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

# The tags as an asset, for DAGs that are scheduled on it: OpenLineage reads nothing of the statements here.
MEMBERS = Asset("warehouse://tags/members")

BATCH = "airflow:{{ dag.dag_id }}:{{ run_id }}:tags"

CONTEXT = """{{ {
    'dag_id': dag.dag_id, 'run_id': run_id, 'task_id': ti.task_id, 'map_index': ti.map_index, 'try_number': ti.try_number,
    'logical_date': dag_run.logical_date and dag_run.logical_date.isoformat(), 'log_url': ti.log_url
} | tojson }}"""

# The tags could as well come from a table of yours in this database. The dedupe_key makes a
# repeat harmless.
INSERT = """
INSERT INTO tagexec.tag_jobs (tag, batch, biz_date, dedupe_key, mutex_key, payload)
SELECT tag, %(batch)s::text, %(day)s::date, %(batch)s::text || ':' || tag, 'tags.members:' || tag || ':' || %(day)s::text,
       jsonb_build_object('source', 'warehouse', 'statement', 'CALL tags.refresh($1, $2)', 'args', jsonb_build_array(tag, %(day)s::date))
  FROM unnest(%(tags)s::text[]) tag
    ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
"""

# A row of tag_jobs does not say which DAG run it is of; a submission without jobs, in the same
# transaction, tells it of the batch.
IDENTIFY = """
SELECT tagexec.submit_jobs(%(batch)s::text, '[]'::jsonb,
                           %(context)s::jsonb || jsonb_build_object('expires_at', now() + interval '6 hours'))
"""

with DAG(
    dag_id="tags_insert",
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
    insert = SQLExecuteQueryOperator(
        task_id="insert_tags",
        sql=[INSERT, IDENTIFY],
        parameters={"batch": BATCH, "tags": TAGS, "day": DAY, "context": CONTEXT},
    )
    wait = SqlSensor(
        task_id="wait_for_tags",
        sql="SELECT tagexec.batch_settled(%(batch)s::text)",
        parameters={"batch": BATCH},
        hook_params={"enable_log_db_messages": True},  # how far the batch is, and why nothing of it runs
        mode="reschedule",
        poke_interval=60,
        timeout=timedelta(hours=4).total_seconds(),
    )
    check = SQLExecuteQueryOperator(
        task_id="check_tags",
        sql="SELECT tagexec.assert_batch_ok(%(batch)s::text)",
        parameters={"batch": BATCH},
        outlets=[MEMBERS],
        retries=0,
    )
    cancel = SQLExecuteQueryOperator(
        task_id="cancel_leftovers",
        sql="SELECT tagexec.cancel_batch(%(batch)s::text, %(reason)s::text)",
        parameters={"batch": BATCH, "reason": "Airflow run {{ run_id }} ended"},
    )
    insert >> wait >> check >> cancel.as_teardown(setups=insert)
