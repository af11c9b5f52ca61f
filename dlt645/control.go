package dlt645

// Control is the control byte C of a frame (clause 5.2.4): D7 direction, D6
// abnormal, D5 more data follow, D4 to D0 the function.
type Control byte

// Function is the low five bits of a control byte. Both editions number
// their functions by themselves, and the numbers overlap.
type Function byte

// Functions of the 2007 edition (clause 7).
const (
	FuncAuthenticate  Function = 0x03 // 安全认证: security data; 1997 has Func97Reread there
	FuncBroadcastTime Function = 0x08 // 广播校时: sets all clocks, without an answer; alike in both editions
	FuncRead          Function = 0x11 // 读数据 (7.1.2)
	FuncReadMore      Function = 0x12 // 读后续数据 (7.1.3): the next part of a long answer
	FuncReadAddress   Function = 0x13 // 读通信地址, of the one meter on a line
	FuncWrite         Function = 0x14 // 写数据 (7.1.5)
	FuncWriteAddress  Function = 0x15 // 写通信地址 (7.1.6), of the one meter on a line
	FuncFreeze        Function = 0x16 // 冻结命令 (7.1.8)
	FuncBaud          Function = 0x17 // 更改通信速率: the answer comes at the old rate
	FuncPassword      Function = 0x18 // 修改密码 (7.1.10)
	FuncDemandReset   Function = 0x19 // 最大需量清零 (7.1.11)
	FuncMeterClear    Function = 0x1A // 电表清零 (7.1.12): all registers
	FuncEventClear    Function = 0x1B // 事件清零 (7.1.13)
	FuncControl       Function = 0x1C // 跳合闸、报警、保电 (7.1.14): relay, alarm, power protection
	FuncOutput        Function = 0x1D // 多功能端子输出控制 (7.1.15): what the multi-function terminal puts out
)

// Functions of the 1997 edition. All but 01H and 04H are weakly attested.
const (
	Func97Read         Function = 0x01 // 读数据
	Func97ReadMore     Function = 0x02 // 读后续数据, without a SEQ
	Func97Reread       Function = 0x03 // 重读数据: the last answer once more
	Func97Write        Function = 0x04 // 写数据
	Func97WriteAddress Function = 0x0A // 写设备地址
	Func97Baud         Function = 0x0C // 更改通信速率
	Func97Password     Function = 0x0F // 修改密码
	Func97DemandReset  Function = 0x10 // 最大需量清零
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
