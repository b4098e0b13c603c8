package store

import "sluice.dev/sluice/api"

// AuditQuery selects entries of the audit log. Zero fields select all.
type AuditQuery struct {
	After  int64 // only those with a higher Seq
	Limit  int   // so many, the newest unless Oldest; 0 is 1000
	Oldest bool  // the oldest that many: for who reads it all, page by page
	api.AuditFilter
}
