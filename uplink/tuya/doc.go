// Package tuya speaks the dialect of a Tuya Edge Gateway, the broker that
// Tuya puts on the customer's site: one data point (DP) in a message,
// registration of each meter by devices/sync, acknowledgement by request_id.
//
// Source: "Integration with Smart Electricity Meter", developer.tuya.com,
// 2022-07-06 (English) and 2024-06-20 (Chinese). What these leave open is a
// switch in Config: the unit of t, the form of the raw and fault points, and
// what becomes of items that the platform finds too old.
package tuya
