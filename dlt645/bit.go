package dlt645

import "fmt"

// Bit is one bit of a word that is set, or a field of several bits.
type Bit struct {
	Number int // from 0, the lowest bit of a field
	Name   Text
}

// SetBits names every set bit of a word: of status words, combination words,
// baud words and mode words. A bit without a known name is told by its
// number. Fields of two bits (power supply, meter type) are told by their
// value, also when that is 0.
func SetBits(it Item) []Bit {
	if it.Value.Kind != Bits {
		return nil
	}
	var word uint64
	for i := range len(it.Value.Text) {
		word = word<<4 | uint64(hexNibble(it.Value.Text[i]))
	}
	names := bitNames(it.DI)
	var set []Bit
	for n := range 4 * len(it.Value.Text) {
		if it.DI.Code == 0x04000503 && it.DI.Protocol == V2007 {
			switch n {
			case 1:
				set = append(set, Bit{n, supplies[word>>1&3]})
				continue
			case 8:
				set = append(set, Bit{n, prepayments[word>>8&3]})
				continue
			case 2, 9:
				continue
			}
		}
		if word>>n&1 == 0 {
			continue
		}
		if n < len(names) && names[n] != (Text{}) {
			set = append(set, Bit{n, names[n]})
			continue
		}
		set = append(set, Bit{n, Text{fmt.Sprintf("bit %d", n), fmt.Sprintf("第%d位", n)}})
	}
	return set
}

// bitNames gives the names of a word's bits, from bit 0.
func bitNames(di DI) []Text {
	if di.Protocol == V1997 {
		return nil // the sources tell none
	}
	switch di.Code {
	case 0x04000501:
		return word1Bits
	case 0x04000502:
		return word2Bits
	case 0x04000503:
		return word3Bits
	case 0x04000504, 0x04000505, 0x04000506:
		return phaseBits
	case 0x04000507:
		return word7Bits
	case 0x04000601:
		return activeBits
	case 0x04000602, 0x04000603:
		return reactiveBits
	case 0x04000701, 0x04000702, 0x04000703, 0x04000704, 0x04000705:
		return baudBits
	case 0x04000901:
		return classBits
	}
	return nil
}

// Status words 1 to 7 (Appendix C; docs/protocol.md#status-words). "Later" bits are State
// Grid's additions.
var (
	word1Bits = []Text{
		{"external switch", "外置开关"}, // later
		{"demand by interval", "需量积算方式为区间"},
		{"clock battery low", "时钟电池欠压"},
		{"reading battery low", "停电抄表电池欠压"},
		{"active power reversed", "有功功率方向反向"},
		{"reactive power reversed", "无功功率方向反向"},
	}
	word2Bits = []Text{
		{"A-phase active power reversed", "A相有功功率反向"}, {"B-phase active power reversed", "B相有功功率反向"}, {"C-phase active power reversed", "C相有功功率反向"}, {},
		{"A-phase reactive power reversed", "A相无功功率反向"}, {"B-phase reactive power reversed", "B相无功功率反向"}, {"C-phase reactive power reversed", "C相无功功率反向"},
	}
	word3Bits = []Text{
		{"second day-period table", "当前运行第二套时段"}, {}, {},
		{"programming enabled", "编程允许"},
		{"relay open", "继电器断"},
		{"second time-zone table", "当前运行第二套时区"}, // later
		{"relay commanded open", "继电器命令状态断"},    // later
		{"alarm before trip", "预跳闸报警"},          // later
		{}, {},
		{"second tariff-price set", "当前运行第二套费率电价"}, // later; one vendor: terminal authentication
		{"second step-price set", "当前运行第二套阶梯"},     // later
		{"power protection", "保电"},                 // later
		{"identity authentication valid", "身份认证有效"},
		{"local account opened", "本地开户"},
		{"remote account opened", "远程开户"},
	}
	supplies    = [4]Text{{"main supply", "主电源供电"}, {"auxiliary supply", "辅助电源供电"}, {"battery supply", "电池供电"}, {"supply unknown", "供电方式未知"}}
	prepayments = [4]Text{{"not prepaid", "非预付费表"}, {"energy prepaid", "电量型预付费表"}, {"money prepaid", "电费型预付费表"}, {"meter type unknown", "电表类型未知"}}
	phaseBits   = []Text{
		{"loss of voltage", "失压"}, {"under-voltage", "欠压"}, {"over-voltage", "过压"}, {"loss of current", "失流"}, {"over-current", "过流"},
		{"overload", "过载"}, {"reverse flow", "潮流反向"}, {"phase loss", "断相"}, {"broken current", "断流"}, // the last is later
	}
	word7Bits = []Text{
		{"voltage sequence reversed", "电压逆相序"}, {"current sequence reversed", "电流逆相序"}, {"voltage unbalance", "电压不平衡"}, {"current unbalance", "电流不平衡"},
		{"auxiliary power lost", "辅助电源失电"}, {"power-off", "掉电"}, {"demand over limit", "需量超限"},
		{"power factor low", "总功率因数超下限"}, {"serious current unbalance", "电流严重不平衡"}, // later
	}
	activeBits   = []Text{{"plus forward", "正向有功加"}, {"minus forward", "正向有功减"}, {"plus reverse", "反向有功加"}, {"minus reverse", "反向有功减"}}
	reactiveBits = []Text{
		{"plus quadrant I", "第一象限加"}, {"minus quadrant I", "第一象限减"}, {"plus quadrant II", "第二象限加"}, {"minus quadrant II", "第二象限减"},
		{"plus quadrant III", "第三象限加"}, {"minus quadrant III", "第三象限减"}, {"plus quadrant IV", "第四象限加"}, {"minus quadrant IV", "第四象限减"},
	}
	baudBits  = []Text{{}, {"600 baud", "600bps"}, {"1200 baud", "1200bps"}, {"2400 baud", "2400bps"}, {"4800 baud", "4800bps"}, {"9600 baud", "9600bps"}, {"19200 baud", "19200bps"}}
	classBits = []Text{{"class 1", "第1类"}, {"class 2", "第2类"}, {"class 3", "第3类"}, {"class 4", "第4类"}, {"class 5", "第5类"}, {"class 6", "第6类"}}
)
