package meter

import (
	"time"

	"meterd/dlt645"
)

// Handle is one meter of the configuration. Text becomes a handle once, at
// the door (a name on the console, an id of a platform); from there on only
// the handle travels, with all that decides what may be done to the meter and
// how. It is made when the configuration is read and never changes.
type Handle struct {
	Name     string
	Address  dlt645.Address
	Bus      string // the line that it hangs on
	Protocol dlt645.Protocol
	Auto     bool // the meter is asked which edition it speaks
	Groups   []Group
	History  []History // what is made up from its memory
	CT, PT   int64     // transformer ratios; 0: 1
	// MaxPower is the highest power that the place can take, in kW; 0: what the
	// meter's nameplate allows.
	MaxPower dlt645.Decimal

	Access      dlt645.Access
	HasPassword bool
	// Codes are N1 of 1CH where a vendor differs.
	Codes map[dlt645.Command]dlt645.Command
	Allow []Operation // what platforms may do to it; reading is always allowed
}

// Group is the points of a meter that are read together.
type Group struct {
	Every  time.Duration
	Points []Point
}
