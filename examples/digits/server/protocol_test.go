package server

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice.dev/sluice/examples/digits"
)

func handler(t testing.TB, version string) *Handler {
	t.Helper()
	file, err := digits.ModelFile(version)
	if err != nil {
		t.Fatal(err)
	}
	m, err := digits.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return New(m)
}

// call sends one request over a real connection and reads the answer as JSON.
func call(t *testing.T, s *httptest.Server, method, path, body string) (status int, header http.Header, answer map[string]any) {
	t.Helper()
	request, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &answer); err != nil && method != http.MethodHead {
		t.Fatalf("%s %s: %q is no JSON object", method, path, text)
	}
	if got := response.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s %s: Content-Type %q", method, path, got)
	}
	return response.StatusCode, response.Header, answer
}

func TestMetadataAndHealth(t *testing.T) {
	h := handler(t, "2")
	s := httptest.NewServer(h)
	defer s.Close()
	model := `{"inputs":[{"datatype":"FP32","name":"image","shape":[-1,64]}],"name":"digits",` +
		`"outputs":[{"datatype":"INT64","name":"label","shape":[-1]},{"datatype":"FP32","name":"scores","shape":[-1,10]}],` +
		`"platform":"sluice_digits_mlp","versions":["2"]}`
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/v2", 200, `{"extensions":[],"name":"digits-server","version":"1"}`},
		{"/v2/health/live", 200, `{"live":true}`},
		{"/v2/health/ready", 200, `{"live":true,"ready":true}`},
		{"/v2/models/digits", 200, model},
		{"/v2/models/digits/versions/2", 200, model},
		{"/v2/models/digits/ready", 200, `{"name":"digits","ready":true}`},
		{"/v2/models/digits/versions/2/ready", 200, `{"name":"digits","ready":true}`},
		{"/v2/models/cats", 404, `{"error":"model \"cats\" is not served here; \"digits\" is"}`},
		{"/v2/models/cats/ready", 404, `{"error":"model \"cats\" is not served here; \"digits\" is"}`},
		{"/v2/models/digits/versions/1", 404, `{"error":"version \"1\" of model \"digits\" is not served here; \"2\" is"}`},
		{"/v1/models", 404, `{"error":"there is nothing at /v1/models; the Open Inference Protocol begins at /v2"}`},
		{"/v2/models/digits/infer", 405, `{"error":"GET /v2/models/digits/infer: use POST"}`},
	} {
		status, _, answer := call(t, s, http.MethodGet, c.path, "")
		if got := compact(t, answer); status != c.status || got != c.want {
			t.Errorf("GET %s: %d %s\nwant %d %s", c.path, status, got, c.status, c.want)
		}
	}
	if status, header, _ := call(t, s, http.MethodPost, "/v2/health/ready", ""); status != 405 || header.Get("Allow") != "GET" {
		t.Errorf("POST to a health check: %d, Allow %q", status, header.Get("Allow"))
	}
	if status, _, _ := call(t, s, http.MethodHead, "/v2/health/ready", ""); status != 200 {
		t.Errorf("HEAD of a health check: %d", status)
	}
	h.Drain()
	for path, want := range map[string]int{"/v2/health/ready": 503, "/v2/models/digits/ready": 503, "/v2/health/live": 200} {
		if status, _, _ := call(t, s, http.MethodGet, path, ""); status != want {
			t.Errorf("%s while draining: %d, want %d", path, status, want)
		}
	}
}

func compact(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// request makes an inference request for the samples, flat or nested.
func request(t testing.TB, id string, samples []digits.Sample, shape []int, data any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"id": id, "inputs": []any{map[string]any{
		"name": "image", "datatype": "UINT8", "shape": append([]int{len(samples)}, shape...), "data": data,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestInfer(t *testing.T) {
	h := handler(t, "2")
	s := httptest.NewServer(h)
	defer s.Close()
	batch := digits.TestSet()[:7]
	var flat []int
	var byImage [][]int
	var byRow [][][]int
	var want []float64
	for i := range batch {
		var image []int
		for _, p := range batch[i].Pixels {
			image = append(image, int(p))
		}
		var square [][]int
		for row := range digits.Side {
			square = append(square, image[row*digits.Side:(row+1)*digits.Side])
		}
		flat, byImage, byRow = append(flat, image...), append(byImage, image), append(byRow, square)
		label, _, err := h.model.Predict(batch[i].Image())
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, float64(label))
	}
	for name, body := range map[string]string{
		"flat":              request(t, "r-1", batch, []int{64}, flat),
		"flat, as squares":  request(t, "r-1", batch, []int{8, 8}, flat),
		"nested":            request(t, "r-1", batch, []int{64}, byImage),
		"nested by row too": request(t, "r-1", batch, []int{8, 8}, byRow),
	} {
		for _, path := range []string{"/v2/models/digits/infer", "/v2/models/digits/versions/2/infer"} {
			status, _, answer := call(t, s, http.MethodPost, path, body)
			if status != 200 || answer["id"] != "r-1" || answer["model_name"] != "digits" || answer["model_version"] != "2" {
				t.Fatalf("%s: %d %s", name, status, compact(t, answer))
			}
			checkOutputs(t, name, answer["outputs"].([]any), want)
		}
	}
	if h.Served() != 8 {
		t.Errorf("served %d, want 8", h.Served())
	}
}

func checkOutputs(t *testing.T, name string, outputs []any, want []float64) {
	t.Helper()
	label, scores := outputs[0].(map[string]any), outputs[1].(map[string]any)
	if got, w := compact(t, label), fmt.Sprintf(`{"data":%s,"datatype":"INT64","name":"label","shape":[%d]}`, compact(t, want), len(want)); got != w {
		t.Errorf("%s: label %s, want %s", name, got, w)
	}
	data := scores["data"].([]any)
	delete(scores, "data")
	if got, w := compact(t, scores), fmt.Sprintf(`{"datatype":"FP32","name":"scores","shape":[%d,10]}`, len(want)); got != w || len(data) != 10*len(want) {
		t.Errorf("%s: scores %s with %d numbers, want %s", name, got, len(data), w)
	}
	for i, digit := range want {
		sum, best := 0.0, 0
		for j := range 10 {
			v := data[10*i+j].(float64)
			sum += v
			if v > data[10*i+best].(float64) {
				best = j
			}
		}
		if math.Abs(sum-1) > 1e-5 || float64(best) != digit {
			t.Errorf("%s: image %d: scores sum to %v, best is %d, label %v", name, i, sum, best, digit)
		}
	}
}

func TestChosenOutputs(t *testing.T) {
	s := httptest.NewServer(handler(t, "1"))
	defer s.Close()
	input := `"inputs":[{"name":"image","shape":[1,64],"datatype":"FP32","parameters":{"x":1},"data":[` + zeros(64) + `]}]`
	for outputs, want := range map[string]string{
		``:                              "label scores",
		`,"outputs":[]`:                 "label scores",
		`,"outputs":[{"name":"label"}]`: "label",
		`,"outputs":[{"name":"scores"},{"name":"label"}]`: "scores label",
	} {
		status, _, answer := call(t, s, http.MethodPost, "/v2/models/digits/infer", `{`+input+outputs+`}`)
		if _, there := answer["id"]; status != 200 || there {
			t.Fatalf("%s: %d %s, want no id", outputs, status, compact(t, answer))
		}
		var names []string
		for _, o := range answer["outputs"].([]any) {
			names = append(names, o.(map[string]any)["name"].(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("outputs %s, want %s", got, want)
		}
	}
	_, _, answer := call(t, s, http.MethodPost, "/v2/models/digits/infer", `{"id":"",`+input+`}`)
	if id, there := answer["id"]; !there || id != "" {
		t.Errorf("an empty id is not returned: %s", compact(t, answer))
	}
}

func zeros(n int) string { return strings.TrimSuffix(strings.Repeat("0,", n), ",") }

// TestRefusedRequests: each names the field, the value and what is allowed.
func TestRefusedRequests(t *testing.T) {
	h := handler(t, "1")
	s := httptest.NewServer(h)
	defer s.Close()
	input := func(name, shape, datatype, data string) string {
		return fmt.Sprintf(`{"inputs":[{"name":%q,"shape":%s,"datatype":%q,"data":%s}]}`, name, shape, datatype, data)
	}
	list := func(numbers string) string { return "[" + numbers + "]" }
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"empty", ``, 400, "not an inference request"},
		{"no JSON", `{"inputs":`, 400, "not an inference request"},
		{"two documents", `{} {}`, 400, "not an inference request"},
		{"a number as id", `{"id":7}`, 400, "id"},
		{"no inputs", `{}`, 400, "inputs: 0 tensors"},
		{"another name", input("x", "[1,64]", "FP32", list(zeros(64))), 400, `the model's input is "image"`},
		{"text", input("image", "[1,64]", "BYTES", `["a"]`), 400, `datatype is "BYTES"`},
		{"no shape", input("image", "[]", "FP32", list(zeros(64))), 400, "[n, 64] or [n, 8, 8]"},
		{"wrong shape", input("image", "[1,28,28]", "FP32", list(zeros(784))), 400, "[n, 64] or [n, 8, 8]"},
		{"none", input("image", "[0,64]", "FP32", `[]`), 400, "1 to 1024 images"},
		{"too many", input("image", "[1025,64]", "FP32", `[]`), 400, "1 to 1024 images"},
		{"beyond numbers", input("image", "[99999999999999999999,64]", "FP32", `[]`), 400, "not an inference request"},
		{"too few numbers", input("image", "[1,64]", "FP32", list(zeros(63))), 400, "63 numbers where the shape tells of 64"},
		{"too few rows", input("image", "[2,64]", "FP32", list(list(zeros(64)))), 400, "1 rows where the shape tells of 2"},
		{"uneven rows", input("image", "[2,64]", "FP32", list(list(zeros(64))+","+list(zeros(60)))), 400, "60 numbers where"},
		{"half nested", input("image", "[1,8,8]", "FP32", list(list(zeros(64)))), 400, "data"},
		{"null", input("image", "[1,64]", "FP32", list("null,"+zeros(63))), 400, "null"},
		{"no data", `{"inputs":[{"name":"image","shape":[1,64],"datatype":"FP32"}]}`, 400, "missing"},
		{"a word", input("image", "[1,64]", "FP32", list(`"1",`+zeros(63))), 400, "not a list of numbers"},
		{"too dark", input("image", "[1,64]", "FP32", list(zeros(60)+",17,0,0,0")), 400, "pixel 60 of image 0 is 17"},
		{"negative", input("image", "[1,64]", "INT8", list("-1,"+zeros(63))), 400, "pixel 0 of image 0 is -1"},
		{"not whole", input("image", "[1,64]", "UINT8", list("0.5,"+zeros(63))), 400, "of type UINT8"},
		{"unknown output", strings.TrimSuffix(input("image", "[1,64]", "FP32", list(zeros(64))), "}") + `,"outputs":[{"name":"y"}]}`, 400, `outputs[0].name is "y"`},
		{"too large", strings.Repeat(" ", maxBody+1), 413, "send fewer images"},
	} {
		status, _, answer := call(t, s, http.MethodPost, "/v2/models/digits/infer", c.body)
		if text, _ := answer["error"].(string); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %q, want %d with %q", c.name, status, text, c.status, c.want)
		}
	}
	if h.Served() != 0 {
		t.Errorf("%d refused requests count as served", h.Served())
	}
}
