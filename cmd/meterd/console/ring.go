package console

import (
	"time"

	"meterd/dlt645"
)

func (r RingStatus) line(lang string) string {
	if r.Last < r.First {
		return fit(say(lang, dlt645.Text{EN: "ring  empty, %s", ZH: "存储  空，%s"}, bytesText(r.Capacity)), width)
	}
	return fit(say(lang, dlt645.Text{EN: "ring  %s of %s  records %d to %d  not durable yet %d", ZH: "存储  已用 %s / %s  记录 %d 至 %d  未落盘 %d"},
		bytesText(r.Used), bytesText(r.Capacity), r.First, r.Last, r.Waiting), width)
}

// Ring is the answer to `ring`.
type Ring struct {
	RingStatus
	Cursors  []CursorStatus `json:"cursors"`
	OldestAt *time.Time     `json:"oldest_at"`
	NewestAt *time.Time     `json:"newest_at"`
}

// CursorStatus tells what an uplink has left.
type CursorStatus struct {
	Name   string `json:"name"`
	Cursor uint64 `json:"cursor"`
	Queued int    `json:"queued"`
	Lost   int    `json:"lost"`
}

// Text tells about the ring and each cursor.
func (r Ring) Text(lang string) string {
	p := page{lang: lang}
	p.add(dlt645.Text{EN: "capacity %s  used %s", ZH: "容量 %s  已用 %s"}, bytesText(r.Capacity), bytesText(r.Used))
	if r.Last >= r.First {
		p.add(dlt645.Text{EN: "oldest %d%s  newest %d%s", ZH: "最旧 %d%s  最新 %d%s"}, r.First, r.dated(r.OldestAt), r.Last, r.dated(r.NewestAt))
	}
	p.add(dlt645.Text{EN: "not durable yet %d  lost %d  damaged places %d", ZH: "未落盘 %d  丢失 %d  损坏 %d 处"}, r.Waiting, r.Lost, r.Corrupt)
	p.add(dlt645.Text{EN: "written %s", ZH: "写入 %s"}, bytesText(r.Written))
	if r.Holds > 0 {
		p.add(dlt645.Text{EN: "at the pace of the last hours it holds %s", ZH: "按最近的速度可保存 %s"}, span(time.Duration(r.Holds)*time.Second))
	}
	if r.LastErr != "" {
		p.wrapped("! " + r.LastErr)
	}
	for _, c := range r.Cursors {
		p.add(dlt645.Text{EN: "cursor %s  at %d  waiting %d  lost %d", ZH: "游标 %s  位于 %d  待发 %d  丢失 %d"}, c.Name, c.Cursor, c.Queued, c.Lost)
	}
	return p.b.String()
}

func (r Ring) dated(at *time.Time) string {
	if at == nil {
		return ""
	}
	return " (" + at.Format(time.DateTime) + ")"
}
