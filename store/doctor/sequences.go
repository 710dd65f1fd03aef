package doctor

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The sequences of all our identity columns. Logical replication copies no
// sequence, and a restore may leave one behind its table; then an INSERT takes a
// number that exists, and ON CONFLICT without a target drops the row.
const identitiesSQL = `-- tagexec: diagnose sequences
SELECT format('%I.%I', n.nspname, c.relname), a.attname, pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname)
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'tagexec'
   AND c.relkind = 'r'
   AND a.attidentity <> ''
 ORDER BY 1, 2`

// What is wrong with one sequence. The highest number is read before the sequence,
// because rows that are inserted meanwhile move the sequence first. Numbers are
// numeric: that after the last is no bigint. A billion numbers last for eleven days
// at 1,000 jobs a second.
const sequenceSQL = `-- tagexec: diagnose sequences
WITH highest (id) AS MATERIALIZED (
    SELECT coalesce(max(%[2]s), 0)::numeric FROM %[1]s
), sequence AS (
    SELECT s.last_value::numeric + CASE WHEN s.is_called THEN q.seqincrement ELSE 0 END AS next, q.seqincrement AS step, q.seqmax AS last,
           q.seqmax >= CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 ELSE 2147483647 END AS widest
      FROM %[3]s s, pg_sequence q
     WHERE q.seqrelid = '%[3]s'::regclass
)
SELECT 'finding', 'the sequence of %[1]s.%[2]s ' || CASE
           WHEN s.step < 0     THEN 'counts down: inserts fail where it comes to numbers that exist'
           WHEN s.next <= h.id THEN format('gives %%s next, but the highest %[2]s is %%s: inserts fail, and ON CONFLICT DO NOTHING without a target drops rows', s.next, h.id)
           ELSE format('has %%s numbers left: inserts fail after them', greatest(s.last - s.next + 1, 0)) END,
       CASE
           WHEN h.id > s.last - 1000000000 AND s.widest THEN 'As the schema''s owner, delete the rows with the highest %[2]s, or give them lower ones; then '
           WHEN s.step < 0 OR NOT s.widest THEN 'As the schema''s owner, ALTER SEQUENCE %[3]s'
                || CASE WHEN s.step < 0 THEN ' INCREMENT BY 1' ELSE '' END || CASE WHEN NOT s.widest THEN ' NO MAXVALUE' ELSE '' END || '; then '
           ELSE 'As the schema''s owner, ' END
       || format('SELECT setval(%%L, (SELECT coalesce(max(%[2]s), 1) FROM %[1]s)).', '%[3]s')
  FROM highest h, sequence s
 WHERE s.step < 0
    OR s.next <= h.id
    OR s.next > s.last - 1000000000`

func checkSequences(ctx context.Context, _ *target, tx pgx.Tx) (list []Diagnosis, err error) {
	rows, err := tx.Query(ctx, identitiesSQL)
	if err != nil {
		return nil, err
	}
	type identity struct{ Table, Column, Sequence string }
	identities, err := pgx.CollectRows(rows, pgx.RowToStructByPos[identity])
	if err != nil {
		return nil, err
	}
	for _, i := range identities {
		wrong, err := collect(tx.Query(ctx, fmt.Sprintf(sequenceSQL, i.Table, i.Column, i.Sequence)))
		if err != nil {
			return nil, err
		}
		list = append(list, wrong...)
	}
	return list, nil
}
