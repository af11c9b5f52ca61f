package meter

import "meterd/dlt645"

// Cause is why a moment is missing, or why it could not be made up.
type Cause string

// The causes. The first are of a hole, the others of what the meter does not
// have either.
const (
	CausePlan    Cause = "plan"    // nothing reads it live
	CauseBoard   Cause = "board"   // the board was off
	CauseLine    Cause = "line"    // the line or the meter was silent
	CauseValue   Cause = "value"   // a value was refused, absent or no number
	CauseWish    Cause = "wish"    // somebody asked for it
	CausePower   Cause = "power"   // the meter has no record: it was without power, or had another time
	CauseNever   Cause = "never"   // the meter keeps no such records
	CauseOld     Cause = "old"     // older than its memory
	CauseBetween Cause = "between" // its records lie further apart
	CauseDamaged Cause = "damaged" // its record is damaged
	CauseMany    Cause = "many"    // more holes than are kept
)

var causeTexts = map[Cause]dlt645.Text{
	CausePlan: {EN: "nothing reads it live", ZH: "未安排实时抄读"}, CauseBoard: {EN: "the board was off", ZH: "终端停机"},
	CauseLine: {EN: "the line or the meter was silent", ZH: "线路或电表无应答"}, CauseValue: {EN: "a value was refused or is no number", ZH: "数据被拒绝或无效"},
	CauseWish:  {EN: "asked for", ZH: "人工补抄"},
	CausePower: {EN: "the meter has no record of that time: it was without power, say", ZH: "电表无该时刻记录（例如停电）"},
	CauseNever: {EN: "the meter keeps no such records", ZH: "电表不保存此类记录"}, CauseOld: {EN: "older than its memory", ZH: "超出电表存储深度"},
	CauseBetween: {EN: "between the meter's records", ZH: "位于电表记录间隔之间"}, CauseDamaged: {EN: "the meter's record is damaged", ZH: "电表记录损坏"},
	CauseMany: {EN: "more holes than are kept", ZH: "缺口过多"},
}

// Text tells the cause to people.
func (c Cause) Text() dlt645.Text { return causeTexts[c] }

// chiefOf gives the cause of most of what is missing; the first by its name where
// several are.
func chiefOf(causes map[Cause]int) (most Cause) {
	for c, n := range causes {
		if n > causes[most] || n == causes[most] && c < most {
			most = c
		}
	}
	return most
}
