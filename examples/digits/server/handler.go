package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"sluice.dev/sluice/examples/digits"
)

const (
	inputName  = "image"
	labelName  = "label"
	scoresName = "scores"

	// maxBody holds maxBatch images with room for spaces.
	maxBody = 8 << 20
)

// Handler answers the requests of the protocol for one model. It is safe for
// concurrent use.
type Handler struct {
	model    *digits.Model
	mux      *http.ServeMux
	draining atomic.Bool
	served   atomic.Int64
}

// New makes the handler of a model.
func New(m *digits.Model) *Handler {
	h := &Handler{model: m, mux: http.NewServeMux()}
	h.mux.HandleFunc("/v2", only(http.MethodGet, h.metadata))
	h.mux.HandleFunc("/v2/health/live", only(http.MethodGet, h.live))
	h.mux.HandleFunc("/v2/health/ready", only(http.MethodGet, h.ready))
	for _, prefix := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		h.mux.HandleFunc(prefix, only(http.MethodGet, h.named(h.modelMetadata)))
		h.mux.HandleFunc(prefix+"/ready", only(http.MethodGet, h.named(h.modelReady)))
		h.mux.HandleFunc(prefix+"/infer", only(http.MethodPost, h.named(h.infer)))
		h.mux.HandleFunc(prefix+"/infer_stream", only(http.MethodPost, h.named(h.inferStream)))
	}
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is nothing at %s; the Open Inference Protocol begins at /v2", r.URL.Path)
	})
	return h
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Drain makes the readiness checks fail; inference goes on.
func (h *Handler) Drain() { h.draining.Store(true) }

// Served is how many inference requests were answered with a result.
func (h *Handler) Served() int64 { return h.served.Load() }

// only refuses other methods; HEAD is GET without a body.
func only(method string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
			w.Header().Set("Allow", method)
			refuse(w, http.StatusMethodNotAllowed, "%s %s: use %s", r.Method, r.URL.Path, method)
			return
		}
		next(w, r)
	}
}

// named refuses models and versions that are not the one served.
func (h *Handler) named(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if name := r.PathValue("model"); name != h.model.Name {
			refuse(w, http.StatusNotFound, "model %q is not served here; %q is", name, h.model.Name)
			return
		}
		if version := r.PathValue("version"); version != "" && version != h.model.Version {
			refuse(w, http.StatusNotFound, "version %q of model %q is not served here; %q is", version, h.model.Name, h.model.Version)
			return
		}
		next(w, r)
	}
}

func (h *Handler) metadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, serverMetadata{Name: "digits-server", Version: "1", Extensions: []string{}})
}

func (h *Handler) live(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]bool{"live": true})
}

// ready says "live" too: the protocol's text names the field so, its servers
// and clients know it as "ready".
func (h *Handler) ready(w http.ResponseWriter, _ *http.Request) {
	answer(w, h.readyStatus(), map[string]bool{"live": true, "ready": !h.draining.Load()})
}

func (h *Handler) readyStatus() int {
	if h.draining.Load() {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

func (h *Handler) modelReady(w http.ResponseWriter, _ *http.Request) {
	answer(w, h.readyStatus(), map[string]any{"name": h.model.Name, "ready": !h.draining.Load()})
}

func (h *Handler) modelMetadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, modelMetadata{
		Name:     h.model.Name,
		Versions: []string{h.model.Version},
		Platform: "sluice_digits_" + h.model.Kind,
		Inputs:   []tensorMetadata{{inputName, "FP32", []int{-1, digits.Pixels}}},
		Outputs: []tensorMetadata{
			{labelName, "INT64", []int{-1}},
			{scoresName, "FP32", []int{-1, digits.Classes}},
		},
	})
}

func (h *Handler) infer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "the body has more than %d bytes; send fewer images at a time", maxBody)
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "the body broke off: %v", err)
		return
	}
	response, err := h.respond(body)
	switch {
	case errors.Is(err, digits.ErrNoScores):
		refuse(w, http.StatusInternalServerError, "%v", err)
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	answer(w, http.StatusOK, response)
}

// respond answers one request; the error is for the caller. It is
// digits.ErrNoScores when the model is at fault, and the answer has the request's
// id then.
func (h *Handler) respond(body []byte) (inferResponse, error) {
	var request inferRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return inferResponse{}, fmt.Errorf("the body is not an inference request: %w", err)
	}
	batch, err := images(request.Inputs)
	if err != nil {
		return inferResponse{}, err
	}
	response := inferResponse{ModelName: h.model.Name, ModelVersion: h.model.Version, ID: request.ID}
	all, err := h.predict(batch)
	if err != nil {
		return response, err
	}
	if response.Outputs, err = wanted(request, all); err != nil {
		return inferResponse{}, err
	}
	h.served.Add(1)
	return response, nil
}

func (h *Handler) predict(batch [][]float64) ([]outputTensor, error) {
	labels := make([]int64, len(batch))
	scores := make([]float32, 0, len(batch)*digits.Classes)
	for i, image := range batch {
		label, of, err := h.model.Predict(image)
		if err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		labels[i] = int64(label)
		for _, score := range of {
			scores = append(scores, float32(score))
		}
	}
	return []outputTensor{
		{labelName, []int{len(batch)}, "INT64", labels},
		{scoresName, []int{len(batch), digits.Classes}, "FP32", scores},
	}, nil
}

// wanted picks the outputs that the request names, in its order; all when it
// names none.
func wanted(request inferRequest, all []outputTensor) ([]outputTensor, error) {
	if len(request.Outputs) == 0 {
		return all, nil
	}
	var picked []outputTensor
	for i, o := range request.Outputs {
		at := slices.IndexFunc(all, func(t outputTensor) bool { return t.Name == o.Name })
		if at < 0 {
			return nil, fmt.Errorf("outputs[%d].name is %q; the model's outputs are %q and %q", i, o.Name, labelName, scoresName)
		}
		picked = append(picked, all[at])
	}
	return picked, nil
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	answer(w, status, errorResponse{fmt.Sprintf(format, args...)})
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}
