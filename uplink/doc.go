// Package uplink delivers the records of the ring to cloud platforms over
// MQTT, and knows a record as delivered only when the platform itself has
// acknowledged it; where there is nothing but a broker, when that has. The way
// of a reading:
//
//	ring ─► feed ─► intake ─────► window ─► delivery.next ───► MQTT
//	                  │ ▲ Encode    ▲ ▲
//	                  ▼ roll        │ pacing
//	cursor ◄───── ledger            └───────────┐
//	                  ▲ settled       postponed │
//	                  └──── delivery.carryOut ──┘
//	                                ▲
//	                            verdicts ◄─ delivery.receive ◄─ MQTT
//	                                             Platform.Receive
//
// Each of these rooms owns its state and is pure; what depends on the time is
// given it:
//
//	intake    makes messages of records, and parks those whose meter must wait
//	ledger    which records are not settled, and so how far the cursor may move
//	window    where each message stands, and which goes next
//	pacing    when: rates, time-outs, pauses that double
//	verdicts  what becomes of a message: by an answer, by none, by a connection's end
//	roll      how far the platform knows each meter
//
// The delivery moves messages between them, on one goroutine, and has no clock.
// An Uplink owns it, the connection and the clock, and moves the cursor in the
// ring. A Platform speaks the dialect of one cloud and does no I/O.
package uplink
