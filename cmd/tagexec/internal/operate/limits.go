package operate

import "time"

// patience is the limit of a statement for who asks for all, or for a whole day.
const patience = time.Minute
