"""Backfill: every tag for every day of a range, in one batch, behind the daily work."""

from datetime import timedelta

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.common.sql.sensors.sql import SqlSensor

try:  # Airflow 3
    from airflow.sdk import DAG, Asset
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.datasets import Dataset as Asset

TAGS = ["high_value", "churn_risk", "new_customer"]

# The tags as an asset, for DAGs that are scheduled on it: OpenLineage reads nothing of the statements here.
MEMBERS = Asset("warehouse://tags/members")

BATCH = "airflow:{{ dag.dag_id }}:{{ run_id }}:tags"

CONTEXT = """{{ {
    'dag_id': dag.dag_id, 'run_id': run_id, 'task_id': ti.task_id, 'map_index': ti.map_index, 'try_number': ti.try_number,
    'logical_date': dag_run.logical_date and dag_run.logical_date.isoformat(), 'log_url': ti.log_url
} | tojson }}"""

# The jobs are made in the database: the newest day first, since jobs of one priority run in
# their order here; at priority 1, so that the daily jobs go before them; and in a pool, whose
# slots say how many run at the same time: INSERT INTO tagexec.tag_pools VALUES ('backfill', 2).
SUBMIT = """
SELECT tagexec.submit_jobs(%(batch)s::text, jsonb_agg(jsonb_build_object(
           'tag', tag, 'biz_date', day::date, 'pool', 'backfill', 'priority', 1, 'mutex_key', 'tags.members:' || tag || ':' || day::date,
           'payload', jsonb_build_object('source', 'warehouse', 'statement', 'CALL tags.refresh($1, $2)',
                                         'args', jsonb_build_array(tag, day::date))) ORDER BY day DESC, tag),
           %(context)s::jsonb || jsonb_build_object('expires_at', now() + interval '3 days'))
  FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') day
 CROSS JOIN unnest(%(tags)s::text[]) tag
"""

with DAG(
    dag_id="tags_backfill",
    schedule=None,
    start_date=pendulum.datetime(2026, 11, 1, tz="UTC"),
    params={"first": "2026-11-01", "last": "2026-11-07"},
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
        parameters={
            "batch": BATCH,
            "tags": TAGS,
            "first": "{{ params.first }}",
            "last": "{{ params.last }}",
            "context": CONTEXT,
        },
    )
    wait = SqlSensor(
        task_id="wait_for_tags",
        sql="SELECT tagexec.batch_settled(%(batch)s::text)",
        parameters={"batch": BATCH},
        hook_params={"enable_log_db_messages": True},  # how far the batch is, and why nothing of it runs
        mode="reschedule",
        poke_interval=300,
        timeout=timedelta(days=2).total_seconds(),
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
    submit >> wait >> check >> cancel.as_teardown(setups=submit)
