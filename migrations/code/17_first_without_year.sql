CREATE OR REPLACE FUNCTION tagexec.first_without_year(days text[]) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT min(u.n)::integer
  FROM unnest(days) WITH ORDINALITY u (text, n)
 WHERE u.text !~* '^\s*(\d{4,7}-\d\d?-\d\d?|\d{8})([T ].*)?$'
   AND u.text !~* '^\s*-?infinity\s*$'
$$;
COMMENT ON FUNCTION tagexec.first_without_year IS 'Internal: which of the texts is the first that is no day written from the year on, the same in every session; null if all are.';
