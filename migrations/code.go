package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
)

// codeName names the code where numbered files are named.
const codeName = "code"

type codeFile struct{ name, sql string }

// readCode returns the files of code in the order of installation, and a hash of
// their names and contents.
func readCode(files fs.FS) (list []codeFile, hash string, err error) {
	names, err := fs.Glob(files, "code/*.sql")
	if err != nil {
		return nil, "", err
	}
	sum := sha256.New()
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
		list = append(list, codeFile{name, string(text)})
	}
	return list, hex.EncodeToString(sum.Sum(nil)), nil
}

// installCode installs the code in one transaction if it differs from what was
// installed last and the schema has the version of this binary. It reports whether
// it did. The last file states the rights: before it, what is not known is its owner's
// alone.
func (d *database) installCode(ctx context.Context, known string) (bool, error) {
	list, hash, err := readCode(d.files)
	if err != nil {
		return false, err
	}
	version, installed, err := d.installedCode(ctx)
	if err != nil || version != d.newest() || installed == hash {
		return false, err
	}
	err = inTx(ctx, d.db, func(tx *sql.Tx) error {
		for i, f := range list {
			if i == len(list)-1 {
				if err := plain(ctx, tx, known); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, f.sql); err != nil {
				return fmt.Errorf("install %s: %w", f.name, err)
			}
		}
		const note = "UPDATE tagexec.schema_versions SET code_hash = $1, code_installed_at = now() WHERE version = $2"
		_, err := tx.ExecContext(ctx, note, hash, version)
		return err
	})
	return err == nil, err
}

// installedCode returns the version of the schema and the hash of the code that
// was installed for it, which is empty if none is.
func (d *database) installedCode(ctx context.Context) (version int64, hash string, err error) {
	if version, err = d.numbered.GetDBVersion(ctx); err != nil || version == 0 {
		return version, "", err
	}
	const ask = "SELECT coalesce(code_hash, '') FROM tagexec.schema_versions WHERE version = $1"
	err = d.db.QueryRowContext(ctx, ask, version).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("tagexec.schema_versions has no row for version %d, which is applied: insert it", version)
	}
	return version, hash, err
}

// What is in our schemas and not made by a numbered file is code. Views go in one
// statement, because some read others; so do functions.
const removeCodeSQL = `
DO $$
DECLARE
    ours CONSTANT oid[] := ARRAY(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('tagexec', 'tagreport'));
    command text;
BEGIN
    FOR command IN
        SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
          FROM pg_catalog.pg_trigger t
          JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
         WHERE NOT t.tgisinternal AND c.relnamespace = ANY (ours)
    LOOP
        EXECUTE command;
    END LOOP;
    FOR command IN
        SELECT 'DROP VIEW ' || string_agg(oid::regclass::text, ', ')
          FROM pg_catalog.pg_class
         WHERE relkind = 'v' AND relnamespace = ANY (ours)
        HAVING count(*) > 0
    LOOP
        EXECUTE command;
    END LOOP;
    FOR command IN
        SELECT 'DROP FUNCTION ' || string_agg(oid::regprocedure::text, ', ')
          FROM pg_catalog.pg_proc
         WHERE pronamespace = ANY (ours)
        HAVING count(*) > 0
    LOOP
        EXECUTE command;
    END LOOP;
    UPDATE tagexec.schema_versions SET code_hash = NULL, code_installed_at = NULL;
END
$$`

// removeCode removes the code in one transaction.
func (d *database) removeCode(ctx context.Context) error {
	return inTx(ctx, d.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, removeCodeSQL); err != nil {
			return fmt.Errorf("remove the code: %w", err)
		}
		return nil
	})
}
