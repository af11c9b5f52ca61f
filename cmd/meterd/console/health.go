package console

import (
	"strings"

	"meterd/dlt645"
)

// Why the program was started last.
const (
	StartedBoard   = "board"    // the board got power, or was reset
	StartedReboot  = "reboot"   // as somebody had ordered
	StartedWatch   = "watchdog" // it had reset the board
	StartedProgram = "program"  // it had ended as it was asked to
	StartedCrash   = "crash"    // it had ended without being asked
)

// HealthStatus is how the board itself is. What its kernel does not tell is left
// out, or 0.
type HealthStatus struct {
	Started         string `json:"started"` // why, "" if it is not known
	BoardUptime     int64  `json:"board_uptime_s"`
	MemoryTotal     int64  `json:"memory_total_bytes"`
	MemoryAvailable int64  `json:"memory_available_bytes"`
	MemoryUsed      int64  `json:"memory_used_bytes"` // by meterd
	CPU             *int   `json:"cpu_percent"`       // of all processors, lately
	Temperature     string `json:"temperature,omitempty"`
	DataInMemory    bool   `json:"data_in_memory,omitempty"` // a card's data could not be mounted
}

// line tells it in one.
func (h HealthStatus) line(lang string) string {
	why := map[string]dlt645.Text{
		StartedBoard: {EN: "power or reset", ZH: "上电或复位"}, StartedReboot: {EN: "reboot", ZH: "命令重启"}, StartedWatch: {EN: "watchdog", ZH: "看门狗复位"},
		StartedProgram: {EN: "restarted", ZH: "程序重启"}, StartedCrash: {EN: "crashed", ZH: "程序异常退出"},
	}[h.Started]
	parts := []string{say(lang, dlt645.Text{EN: "board", ZH: "本板"})}
	if h.MemoryTotal > 0 {
		parts = append(parts, say(lang, dlt645.Text{EN: "%d/%d MiB free, meterd %d", ZH: "内存空闲 %d/%d MiB，meterd %d"}, h.MemoryAvailable>>20, h.MemoryTotal>>20, h.MemoryUsed>>20))
	}
	if h.CPU != nil {
		parts = append(parts, say(lang, dlt645.Text{EN: "CPU %d%%", ZH: "CPU %d%%"}, *h.CPU))
	}
	if h.Temperature != "" {
		parts = append(parts, h.Temperature+" °C")
	}
	if text := why.In(lang); text != "" {
		parts = append(parts, say(lang, dlt645.Text{EN: "started: %s", ZH: "启动原因：%s"}, text))
	}
	return fit(strings.Join(parts, "  "), width)
}
