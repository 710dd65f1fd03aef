"""Mapped: one batch per region, each with its own submit, wait, check and cancel."""

from datetime import timedelta

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.common.sql.sensors.sql import SqlSensor

try:  # Airflow 3
    from airflow.sdk import DAG, task_group
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task_group

TAGS = ["high_value", "churn_risk", "new_customer"]
REGIONS = ["north", "south"]  # or the XCom of a task that asks for them

# Of the run; the region is put behind it in SQL. By name and not by ti.map_index, so that a
# batch keeps its key when the list changes between two runs of a task.
BATCHES = "airflow:{{ dag.dag_id }}:{{ run_id }}:"

CONTEXT = """{{ {
    'dag_id': dag.dag_id, 'run_id': run_id, 'task_id': ti.task_id, 'map_index': ti.map_index, 'try_number': ti.try_number,
    'logical_date': dag_run.logical_date and dag_run.logical_date.isoformat(), 'log_url': ti.log_url
} | tojson }}"""

SUBMIT = """
SELECT tagexec.submit_jobs(%(batches)s::text || %(region)s::text, jsonb_agg(jsonb_build_object(
           'tag', tag || ':' || %(region)s::text, 'biz_date', %(day)s::date,
           'payload', jsonb_build_object('source', 'warehouse', 'statement', 'CALL tags.refresh($1, $2, $3)',
                                         'args', jsonb_build_array(tag, %(day)s::date, %(region)s::text)))), %(context)s::jsonb)
  FROM unnest(%(tags)s::text[]) tag
"""

with DAG(
    dag_id="tags_by_region",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 11, 1, tz="UTC"),
    catchup=False,
    default_args={"conn_id": "tagexec", "retries": 3, "retry_delay": timedelta(seconds=30)},
):
    # A group and not .partial().expand() of each operator: Airflow does not render templates in
    # an argument that it maps, and here the batch's key and the context stay templates.
    @task_group
    def tags_of(region):
        batch = {"batches": BATCHES, "region": region}
        submit = SQLExecuteQueryOperator(
            task_id="submit_tags",
            sql=SUBMIT,
            parameters={**batch, "tags": TAGS, "day": "{{ ds }}", "context": CONTEXT},
        )
        wait = SqlSensor(
            task_id="wait_for_tags",
            sql="SELECT tagexec.batch_settled(%(batches)s::text || %(region)s::text)",
            parameters=batch,
            mode="reschedule",
            poke_interval=60,
            timeout=timedelta(hours=4).total_seconds(),
        )
        check = SQLExecuteQueryOperator(
            task_id="check_tags",
            sql="SELECT tagexec.assert_batch_ok(%(batches)s::text || %(region)s::text)",
            parameters=batch,
            retries=0,
        )
        cancel = SQLExecuteQueryOperator(
            task_id="cancel_leftovers",
            sql="SELECT tagexec.cancel_batch(%(batches)s::text || %(region)s::text, %(reason)s::text)",
            parameters={**batch, "reason": "Airflow run {{ run_id }} ended"},
        )
        submit >> wait >> check >> cancel.as_teardown(setups=submit)

    tags_of.expand(region=REGIONS)
