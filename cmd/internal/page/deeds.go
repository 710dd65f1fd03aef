package page

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/operate"
)

// roleLevel is the level from which on one may act.
const roleLevel = access.Operator

// deeds are all that buttons do, by their name in the address.
var deeds = map[string]deed{
	"pause-pool": {
		title:   named("Pause pool %s", "pool"),
		explain: "Nothing is started from the pool until it is resumed; what runs goes on.",
		do:      pausing(true, "Pool %s is paused."),
	},
	"resume-pool": {
		title:   named("Resume pool %s", "pool"),
		explain: "Jobs of the pool are started again.",
		do:      pausing(false, "Pool %s goes on."),
	},
	"set-slots": {
		title:   named("Set the slots of pool %s", "pool"),
		explain: "So many slots of the pool are in use at the same time. Fewer than are in use take effect as jobs end.",
		fields:  []field{{Name: "slots", Label: "Slots", Kind: "text", Hint: "a whole number, or none for no limit"}},
		do: func(ctx context.Context, a *operate.Actor, form url.Values, o operate.Order) (string, error) {
			pool := form.Get("pool")
			slots, err := slotsOf(form.Get("slots"))
			if err != nil {
				return "", err
			}
			if err := a.SetSlots(ctx, pool, slots, o); err != nil {
				return "", err
			}
			if slots == nil {
				return fmt.Sprintf("Pool %s has no limit now.", pool), nil
			}
			return fmt.Sprintf("Pool %s has %s now.", pool, listing.Plural(*slots, "slot")), nil
		},
	},
	"create-pool": {
		title:   always("Create a pool"),
		explain: "Jobs may name it from then on. The number of its slots can be changed at any time.",
		fields: []field{
			{Name: "pool", Label: "Name", Kind: "text", Hint: "as jobs will give it, up to 200 characters"},
			{Name: "slots", Label: "Slots", Kind: "text", Hint: "so many may be in use at the same time, or none for no limit"},
			{Name: "description", Label: "What it protects", Kind: "text", Hint: "may be empty", Optional: true},
		},
		do: func(ctx context.Context, a *operate.Actor, form url.Values, o operate.Order) (string, error) {
			pool := form.Get("pool")
			if n := utf8.RuneCountInString(pool); n == 0 || n > 200 {
				return "", wrong("the name of a pool has 1 to 200 characters, and this has %d", n)
			}
			slots, err := slotsOf(form.Get("slots"))
			if err != nil {
				return "", err
			}
			err = a.CreatePool(ctx, pool, slots, form.Get("description"), o)
			if errors.Is(err, operate.ErrPoolExists) {
				return "", wrong("%v", err)
			}
			return fmt.Sprintf("Pool %s is there.", pool), err
		},
	},
	"drain-executor": {
		title:   named("Drain the executor on %s", "host"),
		explain: "It claims nothing more, and its process ends when its jobs have. What supervises it may start it again.",
		do: func(ctx context.Context, a *operate.Actor, form url.Values, o operate.Order) (string, error) {
			id, err := uuid.Parse(form.Get("executor"))
			if err != nil {
				return "", wrong("an executor has an id such as 62ac5fa4-8b5f-49b5-ab47-2a6c69f358c1, and %q is none", form.Get("executor"))
			}
			asked, err := a.DrainExecutor(ctx, id.String(), o)
			if err == nil && !asked {
				return "Nothing to do: it has ended, or was asked already.", nil
			}
			return "It claims nothing more, and ends when its jobs have.", err
		},
	},
	"cancel-batch": {
		title:   named("Cancel batch %s", "batch"),
		explain: "What is pending ends at once, what runs is asked to stop, and nothing is added to the batch any more.",
		danger:  true,
		do: func(ctx context.Context, a *operate.Actor, form url.Values, o operate.Order) (string, error) {
			n, err := a.CancelBatch(ctx, form.Get("batch"), o)
			return listing.Plural(n, "job") + " cancelled or asked to stop.", err
		},
	},
	"retry-batch": {
		title:   named("Retry jobs of batch %s", "batch"),
		explain: "They are pending again, with all their attempts.",
		fields:  []field{{Name: "which", Label: "Which", Kind: "select", Options: []string{"failed", "all"}, Hint: "failed: those that failed or were cancelled; all: those that succeeded too"}},
		do: func(ctx context.Context, a *operate.Actor, form url.Values, o operate.Order) (string, error) {
			n, err := a.RetryBatch(ctx, form.Get("batch"), form.Get("which"), o)
			return listing.Plural(n, "job") + " pending again.", err
		},
	},
	"set-priority": {
		title:   named("Set the priority of batch %s", "batch"),
		explain: "Pending jobs with a higher priority are claimed first.",
		fields:  []field{{Name: "priority", Label: "Priority", Kind: "text", Hint: "from 0 to 9; 5 is usual"}},
		do: func(ctx context.Context, a *operate.Actor, form url.Values, o operate.Order) (string, error) {
			priority, err := strconv.Atoi(form.Get("priority"))
			if err != nil || priority < 0 || priority > 9 {
				return "", wrong("a priority is a number from 0 to 9, and %q is none", form.Get("priority"))
			}
			n, err := a.SetBatchPriority(ctx, form.Get("batch"), priority, o)
			return fmt.Sprintf("%s now with priority %d.", listing.Plural(n, "pending job"), priority), err
		},
	},
}

// named makes a title with a name from the form.
func named(format, name string) func(url.Values) string {
	return func(form url.Values) string { return fmt.Sprintf(format, form.Get(name)) }
}

// always is a title that needs no name.
func always(title string) func(url.Values) string {
	return func(url.Values) string { return title }
}

// maxSlots is how many slots a pool may have.
const maxSlots = math.MaxInt32

// slotsOf reads a number of slots; "none" is no limit.
func slotsOf(text string) (*int, error) {
	if text == "none" {
		return nil, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxSlots {
		return nil, wrong("slots are a whole number, or none for no limit, and %q is neither", text)
	}
	return &n, nil
}

// pausing pauses a pool or resumes it, and says so.
func pausing(paused bool, said string) func(context.Context, *operate.Actor, url.Values, operate.Order) (string, error) {
	return func(ctx context.Context, a *operate.Actor, form url.Values, o operate.Order) (string, error) {
		pool := form.Get("pool")
		return fmt.Sprintf(said, pool), a.SetPaused(ctx, pool, paused, o)
	}
}
