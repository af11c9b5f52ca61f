package uplink

// Counts tells what became of the messages since the start. Each room of
// the delivery counts what happens in it.
type Counts struct {
	Acked       int            // messages that the platform accepted
	Readings    int            // records settled
	Resent      int            // messages sent again, with the same id
	Refused     int            // messages set aside because the platform refused them
	SetAside    int            // messages that the broker never takes, or ends the connection over
	Withheld    int            // values outside the platform's range, not sent
	WithheldOf  map[string]int // the same by point
	Unsupported int            // messages not sent because the platform does not know the item
	Commands    int            // that came
	Retained    int            // messages that the broker had kept: they are passed over
	Unanswered  int            // commands whose answer found no room
	Undated     int            // readings without a time that could be told
	Strangers   int            // readings of meters that the platform is not told of, not sent
	Lost        int            // records that were overwritten or damaged before they were read
	Codes       map[string]int
	LastRefusal string
	LastAside   string // which message was set aside last, and why
	Trips       Trips
}
