"""Mapped: one batch per region, each with its own submit, wait, check and cancel."""

from datetime import timedelta

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.common.sql.sensors.sql import SqlSensor
from airflow.timetables.interval import CronDataIntervalTimetable

try:  # Airflow 3
    from airflow.sdk import DAG, Asset, task_group
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task_group

TAGS = ["high_value", "churn_risk", "new_customer"]
REGIONS = ["north", "south"]  # or the XCom of a task that asks for them

# The day that is computed, the same on Airflow 2.11 and 3: that of the run's data interval, and of the
# trigger where a run has no logical date.
DAY = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"

# The tags as an asset, for DAGs that are scheduled on it: OpenLineage reads nothing of the statements here.
MEMBERS = Asset("warehouse://tags/members")

# Of the run; the region is put behind it in SQL. By name and not by ti.map_index, so that a
# batch keeps its key when the list changes between two runs of a task.
BATCHES = "airflow:{{ dag.dag_id }}:{{ run_id }}:"

CONTEXT = """{{ {
    'dag_id': dag.dag_id, 'run_id': run_id, 'task_id': ti.task_id, 'map_index': ti.map_index, 'try_number': ti.try_number,
    'logical_date': dag_run.logical_date and dag_run.logical_date.isoformat(), 'log_url': ti.log_url
} | tojson }}"""

SUBMIT = """
SELECT tagexec.submit_jobs(%(batches)s::text || %(region)s::text, jsonb_agg(jsonb_build_object(
           'tag', tag || ':' || %(region)s::text, 'biz_date', %(day)s::date, 'mutex_key', 'tags.members:' || tag || ':' || %(day)s::text || ':' || %(region)s::text,
           'payload', jsonb_build_object('source', 'warehouse', 'statement', 'CALL tags.refresh($1, $2, $3)',
                                         'args', jsonb_build_array(tag, %(day)s::date, %(region)s::text)))),
           %(context)s::jsonb || jsonb_build_object('expires_at', now() + interval '6 hours'))
  FROM unnest(%(tags)s::text[]) tag
"""

with DAG(
    dag_id="tags_by_region",
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
    # A group and not .partial().expand() of each operator: Airflow does not render templates in
    # an argument that it maps, and here the batch's key and the context stay templates.
    @task_group
    def tags_of(region):
        batch = {"batches": BATCHES, "region": region}
        submit = SQLExecuteQueryOperator(
            task_id="submit_tags",
            sql=SUBMIT,
            parameters={**batch, "tags": TAGS, "day": DAY, "context": CONTEXT},
        )
        wait = SqlSensor(
            task_id="wait_for_tags",
            sql="SELECT tagexec.batch_settled(%(batches)s::text || %(region)s::text)",
            parameters=batch,
            hook_params={"enable_log_db_messages": True},  # how far the batch is, and why nothing of it runs
            mode="reschedule",
            poke_interval=60,
            timeout=timedelta(hours=4).total_seconds(),
        )
        check = SQLExecuteQueryOperator(
            task_id="check_tags",
            sql="SELECT tagexec.assert_batch_ok(%(batches)s::text || %(region)s::text)",
            parameters=batch,
            outlets=[MEMBERS],
            retries=0,
        )
        cancel = SQLExecuteQueryOperator(
            task_id="cancel_leftovers",
            sql="SELECT tagexec.cancel_batch(%(batches)s::text || %(region)s::text, %(reason)s::text)",
            parameters={**batch, "reason": "Airflow run {{ run_id }} ended"},
        )
        submit >> wait >> check >> cancel.as_teardown(setups=submit)

    tags_of.expand(region=REGIONS)
