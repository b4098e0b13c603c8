package api

// Comparison sets the members of a group side by side over one window of time,
// as the gateways counted them, at the group's address and at their own.
type Comparison struct {
	Group     string             `json:"group"`
	Seconds   float64            `json:"seconds" doc:"length of the window"`
	Reference string             `json:"reference" doc:"the member that the others are judged against: the one with the largest share"`
	Members   []ComparisonMember `json:"members" nullable:"false" doc:"by name"`
}

// ComparisonMember is one member's numbers in the window. Latencies are seconds
// until the header of the answer, 0 when nothing was answered.
type ComparisonMember struct {
	Service  string       `json:"service"`
	Share    float64      `json:"share" doc:"as set, 0 to 1"`
	Measured *float64     `json:"measured" doc:"the part of the group's requests it got, 0 to 1; null when there were none"`
	Requests uint64       `json:"requests"`
	Errors   uint64       `json:"errors" doc:"answers with 5xx, lost and cut"`
	Rate     float64      `json:"requests_per_second"`
	P50      float64      `json:"latency_p50"`
	P95      float64      `json:"latency_p95"`
	P99      float64      `json:"latency_p99"`
	Results  []GateResult `json:"results" nullable:"false" doc:"what gates on error rate and latency make of it against the reference; none for the reference"`
}

// ComparisonGates are what a comparison judges by where nothing else is asked
// for.
func ComparisonGates() []Gate {
	return []Gate{
		{Metric: MetricErrorRate, MaxDifference: "1%"},
		{Metric: MetricLatencyP95, MaxRatio: "1.5"},
	}
}
