-- What a producer's text means must not depend on who submits it: on the session's
-- time zone, on its order of day and month, or on what its server takes an
-- abbreviation for (CST is Chicago for most, and 14 hours from Shanghai; UTC+8 is
-- west of Greenwich). So the year comes first, and a zone is an offset, UTC or a
-- place. Infinity is left to the rules of the tables.
CREATE OR REPLACE FUNCTION tagexec.first_without_zone(times text[]) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT min(u.n)::integer
  FROM unnest(times) WITH ORDINALITY u (text, n)
 WHERE u.text !~* '^\s*\d{4,6}-?\d\d?-?\d\d?[T ]\s*\d\d?:?\d\d(:?\d\d([.]\d*)?)?\s*(Z|UTC|GMT|[+-]\d\d?(:?\d\d(:?\d\d)?)?|[A-Z_]+(/[A-Z0-9_+-]+)+)(\s+BC)?\s*$'
   AND u.text !~* '^\s*-?infinity\s*$'
$$;
COMMENT ON FUNCTION tagexec.first_without_zone IS 'Internal: which of the texts is the first that is no time with its zone, the same moment in every session; null if all are.';
