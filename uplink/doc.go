// Package uplink delivers the records of the ring to cloud platforms over
// MQTT, and knows a record as delivered only when the platform itself has
// acknowledged it; where there is nothing but a broker, when that has.
//
//	store.Reader ─► delivery (window, time-outs, resends) ─► Platform.Encode ─► MQTT
//	store cursor ◄─ delivery ◄──────── Platform.Receive ◄──────────────────── MQTT
//
// A Platform speaks the dialect of one cloud and does no I/O. The delivery
// is a plain state machine whose methods take the time. An Uplink owns both,
// supervises the connection and moves the cursor.
package uplink
