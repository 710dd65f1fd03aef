-- Most rules for what a producer says of a job are code: as CHECKs of the table each claim
-- and each record paid for them. The code takes the CHECKs away, in the transaction that
-- brings the trigger with the rules: so no row slips through between the two.

-- +goose NO TRANSACTION
-- +goose Up
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (23, 18) ON CONFLICT DO NOTHING;

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 23;
ALTER TABLE tagexec.tag_jobs
    DROP CONSTRAINT IF EXISTS tag_jobs_tag_has_1_to_200_characters,
    DROP CONSTRAINT IF EXISTS tag_jobs_batch_has_1_to_500_characters,
    DROP CONSTRAINT IF EXISTS tag_jobs_biz_date_is_finite,
    DROP CONSTRAINT IF EXISTS tag_jobs_dedupe_key_has_1_to_500_characters,
    DROP CONSTRAINT IF EXISTS tag_jobs_slots_at_least_1,
    DROP CONSTRAINT IF EXISTS tag_jobs_priority_from_0_to_9,
    DROP CONSTRAINT IF EXISTS tag_jobs_timeout_seconds_positive,
    DROP CONSTRAINT IF EXISTS tag_jobs_max_attempts_from_1_to_100,
    ADD CONSTRAINT tag_jobs_tag_has_1_to_200_characters        CHECK (char_length(tag) BETWEEN 1 AND 200) NOT VALID,
    ADD CONSTRAINT tag_jobs_batch_has_1_to_500_characters      CHECK (char_length(batch) BETWEEN 1 AND 500) NOT VALID,
    ADD CONSTRAINT tag_jobs_biz_date_is_finite                 CHECK (isfinite(biz_date)) NOT VALID,
    ADD CONSTRAINT tag_jobs_dedupe_key_has_1_to_500_characters CHECK (char_length(dedupe_key) BETWEEN 1 AND 500) NOT VALID,
    ADD CONSTRAINT tag_jobs_slots_at_least_1                   CHECK (slots >= 1) NOT VALID,
    ADD CONSTRAINT tag_jobs_priority_from_0_to_9               CHECK (priority BETWEEN 0 AND 9) NOT VALID,
    ADD CONSTRAINT tag_jobs_timeout_seconds_positive           CHECK (timeout_seconds > 0) NOT VALID,
    ADD CONSTRAINT tag_jobs_max_attempts_from_1_to_100         CHECK (max_attempts BETWEEN 1 AND 100) NOT VALID;
ALTER TABLE tagexec.tag_jobs
    VALIDATE CONSTRAINT tag_jobs_tag_has_1_to_200_characters,
    VALIDATE CONSTRAINT tag_jobs_batch_has_1_to_500_characters,
    VALIDATE CONSTRAINT tag_jobs_biz_date_is_finite,
    VALIDATE CONSTRAINT tag_jobs_dedupe_key_has_1_to_500_characters,
    VALIDATE CONSTRAINT tag_jobs_slots_at_least_1,
    VALIDATE CONSTRAINT tag_jobs_priority_from_0_to_9,
    VALIDATE CONSTRAINT tag_jobs_timeout_seconds_positive,
    VALIDATE CONSTRAINT tag_jobs_max_attempts_from_1_to_100;
