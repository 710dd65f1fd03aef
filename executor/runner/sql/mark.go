package sql

import (
	"fmt"
	"strings"
)

// Comment marks a statement as one of this attempt, for whoever reads the server's lists
// and logs:
//
//	/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=high_value batch=nightly */
//
// It begins with what Mark returns. Tag and batch hold only letters, digits, and _ . : -
// there; other characters are shown as _.
func (j Job) Comment() string {
	text := fmt.Sprintf("/* %s attempt=%d tag=%s", j.Mark(), j.Attempt, plain(j.Tag))
	if j.Batch != "" {
		text += " batch=" + plain(j.Batch)
	}
	return text + " */"
}

// Mark is what the statements of all attempts of this job have in common, and no other
// statement has: it finds the orphan of an attempt whose executor is gone. A blank
// follows it in a comment, so that job 7 is not taken for job 70.
func (j Job) Mark() string { return fmt.Sprintf("tagexec %s job=%d", plain(j.Queue), j.ID) }

// IsOfEarlier reports whether a text holds the comment of an earlier attempt of this job.
func (j Job) IsOfEarlier(text string) bool {
	_, attempt, ok := strings.Cut(text, "/* "+j.Mark()+" attempt=")
	var n int32
	_, err := fmt.Sscanf(attempt, "%d ", &n)
	return ok && err == nil && n < j.Attempt
}

// Token is Mark where no blank may stand: tagexec-5f0c2a9be771-7.
func (j Job) Token() string { return fmt.Sprintf("tagexec-%s-%d", plain(j.Queue), j.ID) }

// maxPlain is how much of a tag or batch a comment holds, in bytes.
const maxPlain = 100

// plain is a name without what could end a comment.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_.:-", r):
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), maxPlain)]
}
