package routellm

import (
	"context"
	"encoding/json"
	"runtime"

	"routellm.dev/go/routellm/internal/capi"
)

// Diagnosis is what was found on this machine. No prompt is in it; paths and the values of some variables are.
type Diagnosis struct {
	// <faces:record-diagnosis>
	// Versions is what runs.
	Versions DiagnosisVersions `json:"versions"`
	// Runtime is the ONNX Runtime that a router would use.
	Runtime DiagnosisRuntime `json:"runtime"`
	// GPU is whether a model could run on a GPU.
	GPU DiagnosisGPU `json:"gpu"`
	// CPU is what the rest runs on.
	CPU DiagnosisCPU `json:"cpu"`
	// Artifact is the artifact that was asked about, or the one that is compiled in.
	Artifact DiagnosisArtifact `json:"artifact"`
	// Settings is what the environment sets.
	Settings DiagnosisSettings `json:"settings"`
	// </faces:record-diagnosis>
}

// DiagnosisVersions is what runs: this library, its parts, the system.
type DiagnosisVersions struct {
	// <faces:record-diagnosis_versions>
	// Routellm is the version of this library.
	Routellm string `json:"routellm"`
	// CABI is the number of the binary interface of C.
	CABI int `json:"c_abi"`
	// Format is the version of artifacts that this library writes.
	Format int `json:"format"`
	// Target is the target that it was compiled for, "x86_64-unknown-linux-gnu".
	Target string `json:"target"`
	// Optimized says that it was compiled for speed; a development build is many times slower.
	Optimized bool `json:"optimized"`
	// Ort is the version of the crate that calls ONNX Runtime; nil if it was built without.
	Ort *string `json:"ort"`
	// Tokenizers is the version of the crate that reads "tokenizer.json"; nil if it was built without.
	Tokenizers *string `json:"tokenizers"`
	// System is the operating system, its kernel and its C library.
	System string `json:"system"`
	// Language is the language that calls, with its version; nil in Rust, C and C++.
	Language *string `json:"language"`
	// </faces:record-diagnosis_versions>
}

// DiagnosisRuntime is the ONNX Runtime that a router would use, or where one was looked for.
type DiagnosisRuntime struct {
	// <faces:record-diagnosis_runtime>
	// Found says that there is one that can be used.
	Found bool `json:"found"`
	// InUse says that this process uses it already.
	InUse bool `json:"in_use"`
	// Library is the path of the library; nil without one.
	Library *string `json:"library"`
	// Located is how it was found: the variable, the package or the system's own path; nil without one.
	Located *string `json:"located"`
	// Version is its version; nil without one.
	Version *string `json:"version"`
	// Build is what it says of its build; nil without one.
	Build *string `json:"build"`
	// Providers are the names of the providers that it was built with, as it spells them.
	Providers []string `json:"providers"`
	// Needed is the oldest version that works.
	Needed string `json:"needed"`
	// LookedAt is the places that were looked at before it, with what the system said of each.
	LookedAt []string `json:"looked_at"`
	// </faces:record-diagnosis_runtime>
}

// DiagnosisGPU is what is told of a GPU without setting it up.
type DiagnosisGPU struct {
	// <faces:record-diagnosis_gpu>
	// Cuda says that the runtime has the provider "cuda", and a driver is there.
	Cuda bool `json:"cuda"`
	// Driver is the version of the driver in the kernel; nil if none tells.
	Driver *string `json:"driver"`
	// CudaVersion is the newest CUDA that the driver knows; nil without a driver.
	CudaVersion *string `json:"cuda_version"`
	// Devices are the names of the devices, as the driver in the kernel lists them.
	Devices []string `json:"devices"`
	// Problem is why a model cannot run on one; nil if nothing is known to be in the way.
	Problem *string `json:"problem"`
	// </faces:record-diagnosis_gpu>
}

// DiagnosisCPU is the processor.
type DiagnosisCPU struct {
	// <faces:record-diagnosis_cpu>
	// Architecture is its architecture, "x86_64" or "aarch64".
	Architecture string `json:"architecture"`
	// Model is its name; nil if the system does not tell.
	Model *string `json:"model"`
	// Cores is how many cores this process may use, after affinity and control groups.
	Cores int `json:"cores"`
	// Features are the names of its instruction sets that matter here.
	Features []string `json:"features"`
	// Kernel is which copy of the arithmetic runs; all give the same bits.
	Kernel string `json:"kernel"`
	// </faces:record-diagnosis_cpu>
}

// DiagnosisArtifact is an artifact, or the folder of a model, and whether it is whole.
type DiagnosisArtifact struct {
	// <faces:record-diagnosis_artifact>
	// Path is the folder that was asked about; nil for the router that is compiled in.
	Path *string `json:"path"`
	// Form is what it is: "compiled_in", "artifact", "folder" (of a model, without "router.json") or "missing".
	Form string `json:"form"`
	// Name is the name that it has; nil if it has none, or it cannot be read.
	Name *string `json:"name"`
	// Kind is the kind of scorer; nil if that cannot be told.
	Kind *string `json:"kind"`
	// Version is the version of its form; nil without "router.json".
	Version *int `json:"version"`
	// Candidates are the names of the candidates.
	Candidates []string `json:"candidates"`
	// Files is how many files it has.
	Files int `json:"files"`
	// Bytes is how large they are together.
	Bytes uint64 `json:"bytes"`
	// Checksums says that every file is as it was written; nil where there are no checksums.
	Checksums *bool `json:"checksums"`
	// Problem is what is wrong with it; nil if nothing is.
	Problem *string `json:"problem"`
	// </faces:record-diagnosis_artifact>
}

// DiagnosisSettings is what the environment sets, of what is read.
type DiagnosisSettings struct {
	// <faces:record-diagnosis_settings>
	// Environment is the variables that are set, of those that this library, ONNX Runtime or their parts read, with
	// their values.
	Environment map[string]string `json:"environment"`
	// Unset are the names of the others.
	Unset []string `json:"unset"`
	// </faces:record-diagnosis_settings>
}

// Doctor looks around, as a report of a defect needs it: what was found of the runtime, the GPU, the artifact and the
// settings. What is missing or broken is what it tells, and no failure. artifact is the folder of an artifact or of a
// model; if it is empty, the report is about the router that is compiled in. No router is opened.
func Doctor(artifact string) (Diagnosis, error) {
	if err := uncut("artifact", artifact); err != nil {
		return Diagnosis{}, err
	}
	if err := load(); err != nil {
		return Diagnosis{}, err
	}
	var text *capi.String
	var cerr *capi.Error
	if status := capi.Doctor(artifact, &text, &cerr); status != capi.OK {
		return Diagnosis{}, failure(nil, status, cerr)
	}
	var diagnosis Diagnosis
	if err := json.Unmarshal([]byte(capi.TakeString(text)), &diagnosis); err != nil {
		return Diagnosis{}, &Error{Kind: Internal, Message: "diagnosis: " + err.Error(), cause: err}
	}
	language := "Go " + runtime.Version()
	diagnosis.Versions.Language = &language
	return diagnosis, nil
}

// DoctorContext is as [Doctor], which hashes every file of an artifact, until ctx ends.
func DoctorContext(ctx context.Context, artifact string) (Diagnosis, error) {
	return within(ctx, func() (Diagnosis, error) { return Doctor(artifact) }, nil)
}
