package dlt645

// Control is the control byte C of a frame (clause 5.2.4): D7 direction, D6
// abnormal, D5 more data follow, D4 to D0 the function.
type Control byte

// Function is the low five bits of a control byte. Both editions number
// their functions by themselves, and the numbers overlap.
type Function byte

// Functions of the 2007 edition (clause 7).
const (
	FuncAuthenticate  Function = 0x03
	FuncBroadcastTime Function = 0x08 // alike in both editions
	FuncRead          Function = 0x11
	FuncReadMore      Function = 0x12
	FuncReadAddress   Function = 0x13
	FuncWrite         Function = 0x14
	FuncWriteAddress  Function = 0x15
	FuncFreeze        Function = 0x16
	FuncBaud          Function = 0x17
	FuncPassword      Function = 0x18
	FuncDemandReset   Function = 0x19
	FuncMeterClear    Function = 0x1A
	FuncEventClear    Function = 0x1B
	FuncControl       Function = 0x1C
	FuncOutput        Function = 0x1D
)

// Functions of the 1997 edition.
const (
	Func97Read         Function = 0x01
	Func97ReadMore     Function = 0x02
	Func97Reread       Function = 0x03
	Func97Write        Function = 0x04
	Func97WriteAddress Function = 0x0A
	Func97Baud         Function = 0x0C
	Func97Password     Function = 0x0F
	Func97DemandReset  Function = 0x10
)

const (
	controlResponse Control = 0x80
	controlRefusal  Control = 0x40
	controlMore     Control = 0x20
)

// Function gives the function that is asked for or answered.
func (c Control) Function() Function { return Function(c & 0x1F) }

// Response reports whether the frame comes from a meter.
func (c Control) Response() bool { return c&controlResponse != 0 }

// Refusal reports whether the meter answers that it will not.
func (c Control) Refusal() bool { return c&controlRefusal != 0 }

// More reports whether further data are to be fetched with FuncReadMore.
func (c Control) More() bool { return c&controlMore != 0 }

var functions2007 = [32]string{
	FuncAuthenticate:  "authenticate",
	FuncBroadcastTime: "broadcast-time",
	FuncRead:          "read",
	FuncReadMore:      "read-more",
	FuncReadAddress:   "read-address",
	FuncWrite:         "write",
	FuncWriteAddress:  "write-address",
	FuncFreeze:        "freeze",
	FuncBaud:          "baud",
	FuncPassword:      "password",
	FuncDemandReset:   "demand-reset",
	FuncMeterClear:    "meter-clear",
	FuncEventClear:    "event-clear",
	FuncControl:       "control",
	FuncOutput:        "output",
}

var functions1997 = [32]string{
	Func97Read:         "read",
	Func97ReadMore:     "read-more",
	Func97Reread:       "reread",
	Func97Write:        "write",
	FuncBroadcastTime:  "broadcast-time",
	Func97WriteAddress: "write-address",
	Func97Baud:         "baud",
	Func97Password:     "password",
	Func97DemandReset:  "demand-reset",
}

// Name gives the function's name in that edition, "" if it has none.
func (fn Function) Name(p Protocol) string {
	if fn > 31 {
		return ""
	}
	if p == V1997 {
		return functions1997[fn]
	}
	return functions2007[fn]
}
