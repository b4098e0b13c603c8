package api

// ConsoleLink logs a browser in to the console.
type ConsoleLink struct {
	URL       string `json:"url" doc:"what to open; it holds the code and is shown this one time"`
	ExpiresAt Time   `json:"expires_at" doc:"a link for oneself opens a session until then; a shared one also ends its sessions then"`
	Role      Role   `json:"role" enum:"viewer,operator,admin" doc:"what its sessions may do"`
}
