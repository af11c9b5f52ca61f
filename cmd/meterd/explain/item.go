// Package explain tells values, items and frames of DL/T 645 to people and to
// scripts, in the shapes of docs/cli.md that several commands share.
//
// It is pure: it owns nothing, starts no goroutine and never does I/O.
package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"meterd/board"
	"meterd/dlt645"
	"meterd/meter"
)

// Meaning is what an item of an answer says.
type Meaning struct {
	Point   *string `json:"point"`
	Name    string  `json:"name"`
	Value   *string `json:"value"`
	Unit    string  `json:"unit"`
	Invalid string  `json:"invalid,omitempty"`
	// Bits names what is set in a bit word.
	Bits []string `json:"bits,omitempty"`
}

// MeaningOf tells an item of an answer.
func MeaningOf(it dlt645.Item, points *meter.Points, language string) Meaning {
	v, words := Meaning{Unit: it.Unit()}, dlt645.LanguageOf(language)
	v.Name, _ = words.Name(it)
	if p, ok := points.Of(it); ok {
		v.Point = &p.Name
	}
	for _, bit := range words.SetBits(it) {
		v.Bits = append(v.Bits, bit.Name)
	}
	switch {
	case it.Value.Known():
		text := it.Value.String()
		v.Value = &text
	case it.Value.Kind == dlt645.Invalid:
		v.Invalid = it.Value.Text
	}
	return v
}

// Item is what came of reading one item, in the shape of docs/cli.md.
type Item struct {
	Address string `json:"address"`
	DI      string `json:"di"`
	Meaning
	MS  float64  `json:"ms"` // from the request's last byte to the answer's first
	Err *Failure `json:"-"`  // nil: it worked
}

// Failure is why an item could not be read: "silence", "noise", "refusal" with
// its code, or "port".
type Failure struct {
	Kind string `json:"kind"`
	Code string `json:"code,omitempty"`
	Text string `json:"text"`

	zh string // in Chinese; "": nobody has said it
}

// RefusedBlock reports whether the meter refused a block that stands for the
// points of the command line.
func RefusedBlock(req meter.Request, items []Item) bool {
	return len(req.Points) > 0 && dlt645.IsBlock(req.DI) && items[0].Err != nil && items[0].Err.Kind == "refusal"
}

// ItemsOf tells the items of an answer, or why there are none.
func ItemsOf(a dlt645.Address, di dlt645.DI, res meter.Reply, err error, points *meter.Points, language string) []Item {
	if err != nil {
		return []Item{{Address: a.String(), DI: di.String(), Err: FailureOf(err)}}
	}
	ms := float64(res.Took.Round(10*time.Microsecond).Microseconds()) / 1000
	items, err := dlt645.Decode(nil, di, res.Data)
	if name, ok := rawName(di, err); ok && len(res.Data) > 0 {
		raw := fmt.Sprintf("%X", res.Data)
		return []Item{{Address: res.Address.String(), DI: di.String(), Meaning: Meaning{Name: name, Value: &raw}, MS: ms}}
	}
	if err != nil {
		return []Item{{Address: res.Address.String(), DI: di.String(), Err: &Failure{Kind: "noise", Text: err.Error()}}}
	}
	var out []Item
	for _, it := range items {
		v := MeaningOf(it, points, language)
		v.Bits = nil
		out = append(out, Item{Address: res.Address.String(), DI: it.DI.String(), Meaning: v, MS: ms})
	}
	return out
}

// rawName says what the bytes of an answer are that the table cannot read: those
// of an identifier that it lacks, or more or fewer than it has.
func rawName(di dlt645.DI, err error) (string, bool) {
	if errors.Is(err, dlt645.ErrUnknown) {
		return "unknown, bytes in the order of the wire", true
	}
	if _, ok := errors.AsType[*dlt645.LengthError](err); ok {
		return dlt645.English.NameOf(di) + " in an unknown layout, bytes in the order of the wire", true
	}
	return "", false
}

// Unread says why the data of a good frame are not told as values.
func Unread(err error) dlt645.Text {
	why := strings.TrimPrefix(err.Error(), "dlt645: ")
	if errors.Is(err, dlt645.ErrUnknown) {
		return dlt645.Text{EN: why + ": the frame is good, and the table does not hold this identifier", ZH: "帧有效，数据标识未知"}
	}
	if _, ok := errors.AsType[*dlt645.LengthError](err); ok {
		return dlt645.Text{EN: why + ": the frame is good, and the layout unknown", ZH: "帧有效，数据格式未知：" + why}
	}
	return dlt645.Text{EN: why, ZH: why}
}

// MarshalJSON gives the values of what was read, or the error.
func (it Item) MarshalJSON() ([]byte, error) {
	if it.Err == nil {
		type plain Item // without this method
		return json.Marshal(plain(it))
	}
	return json.Marshal(struct {
		Address string   `json:"address"`
		DI      string   `json:"di"`
		Error   *Failure `json:"error"`
	}{it.Address, it.DI, it.Err})
}

// kinds are the words for the kinds of failures.
var kinds = map[string]dlt645.Text{
	"silence": {EN: "silence", ZH: "无应答"}, "noise": {EN: "noise", ZH: "干扰"}, "refusal": {EN: "refusal", ZH: "电表拒绝"}, "port": {EN: "port", ZH: "端口不可用"},
}

// Text tells the item in one line.
func (it Item) Text(language string) string {
	value := dlt645.Text{EN: "no value", ZH: "无数据"}.In(language)
	switch {
	case it.Err != nil:
		text := strings.TrimPrefix(it.Err.Text, it.Err.Kind+": ")
		if language == "zh" && it.Err.zh != "" {
			text = it.Err.zh
		}
		return fmt.Sprintf("%s  %s  %s: %s\n", it.Address, it.DI, kinds[it.Err.Kind].In(language), text)
	case it.Value != nil:
		value = strings.TrimSpace(*it.Value + " " + it.Unit)
	case it.Invalid != "":
		value = dlt645.Text{EN: "invalid digits ", ZH: "无效数字 "}.In(language) + it.Invalid
	}
	return fmt.Sprintf("%s  %s  %s = %s\n", it.Address, it.DI, it.Name, value)
}

// FailureOf tells why a transaction failed.
func FailureOf(err error) *Failure {
	j := &Failure{Kind: meter.FailureKind(err), Text: err.Error()}
	if refusal, ok := errors.AsType[*dlt645.Refusal](err); ok {
		j.Code, j.Text, j.zh = refusal.CodeText(), refusal.Text().EN, refusal.Text().ZH
	}
	if errors.Is(err, board.ErrLocked) {
		j.Text += "; if that is the daemon, ask it: meterd exec meter NAME"
	}
	return j
}
