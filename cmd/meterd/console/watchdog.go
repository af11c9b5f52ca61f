package console

import (
	"time"

	"meterd/dlt645"
)

// WatchdogStatus is what resets the board when a loop hangs.
type WatchdogStatus struct {
	Device    string       `json:"device"`     // that is fed; "": none
	Timeout   int          `json:"timeout_s"`  // after which it bites
	Systemd   bool         `json:"systemd"`    // systemd's is fed
	LastErr   string       `json:"last_error"` // why the device is not fed
	Hung      string       `json:"hung"`       // the loop that makes no progress at present
	BootCause string       `json:"boot_cause"` // of the board's last start, as the device tells it: "watchdog", "" if it does not
	LastReset *ResetStatus `json:"last_reset"` // the last one that a loop was the reason of
}

// ResetStatus is why the watchdog was left hungry.
type ResetStatus struct {
	Loop   string    `json:"loop"`
	Silent int64     `json:"silent_s"`
	Time   time.Time `json:"time"`
}

// resetShown is how long a reset is told of as a problem.
const resetShown = 24 * time.Hour

func (w WatchdogStatus) problems(lang string, now time.Time) []problem {
	var out []problem
	add := func(what, todo dlt645.Text, args ...any) {
		out = append(out, problem{say(lang, what, args...), todo.In(lang)})
	}
	if w.Hung != "" {
		add(dlt645.Text{EN: "%s makes no progress, the board will be reset", ZH: "%s 无进展，本板即将复位"},
			dlt645.Text{EN: "wait; the reason is kept and shown after the start", ZH: "请等待；原因已保存，重启后显示"}, w.Hung)
	}
	if w.LastErr != "" {
		add(dlt645.Text{EN: "the watchdog is not fed: %s", ZH: "看门狗未喂：%s"},
			dlt645.Text{EN: "is watchdog in [board] right, and no other program at it?", ZH: "请检查 [board] 的 watchdog，以及是否被其他程序占用"}, w.LastErr)
	}
	if r := w.LastReset; r != nil && now.Sub(r.Time) < resetShown {
		add(dlt645.Text{EN: "the watchdog reset the board %s ago: %s made no progress for %d s", ZH: "看门狗在 %s 前复位本板：%s 已 %d 秒无进展"},
			dlt645.Text{EN: "if it comes again, send the output of: log", ZH: "如再次发生，请提供 log 命令的输出"}, ago(now, r.Time), r.Loop, r.Silent)
	}
	return out
}
