/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every setting, once.  This table drives parsing (options, environment,
 * [tool.filperf]), help, man pages, completions, `filperf config`, the
 * pydantic models and the docs' table.
 *
 * FIL_PERF_<NAME> is --<name-in-kebab-case> and, in pyproject.toml, the key
 * <rest> of [tool.filperf.<group>] (group "" = [tool.filperf]).
 *
 * X(id, group, key, kind, default, accepted, scope, model, help)
 *   id        enum fp_option_<id>; FIL_PERF_ + upper case of id
 *   kind      BOOL INT REAL TEXT PATH CHOICES (comma list of accepted) GLOBS (comma list)
 *   default   as text
 *   accepted  INT, REAL: "min..max"; CHOICES: "a|b|c"; TEXT, PATH, GLOBS: ""
 *   scope     AGENT (read in the program), REPORT (read while rendering), BOTH
 *   model     the pydantic class it belongs to
 */
#ifndef FP_SETTINGS_OPTION_LIST_H
#define FP_SETTINGS_OPTION_LIST_H

#define FP_SPY_FORMATS "svg|raw|speedscope|json|prof|pprof|firefox|chrometrace"

#define FP_MEMRAY_FORMATS "html|flamegraph|table|tree|summary|stats|bin"

#define FP_OPTIONS(X) \
	X(enabled, "", "enabled", BOOL, "1", "", AGENT, PerformanceSettings, \
	  "0: the agent stays inert and records nothing") \
	X(output_dir, "", "output_dir", PATH, "outputs/perf", "", REPORT, PerformanceSettings, \
	  "where reports and captures go when the run ends; made then") \
	X(run_label, "", "run_label", TEXT, "", "", BOTH, PerformanceSettings, \
	  "first part of the report names; default: script or module of the first Python process") \
	X(quiet, "", "quiet", BOOL, "0", "", BOTH, PerformanceSettings, \
	  "1: no summary on the terminal (summary.txt is written all the same)") \
	X(render, "", "render", BOOL, "1", "", BOTH, PerformanceSettings, \
	  "0: leave only the capture; filperf report renders it later") \
	X(max_capture_mb, "", "max_capture_mb", INT, "512", "16..1048576", AGENT, PerformanceSettings, \
	  "bound of the timeline per process in MiB; past it the sums go on and reports say from when") \
	X(spy_enabled, "spy", "enabled", BOOL, "1", "", BOTH, PySpySettings, \
	  "CPU sampling with py-spy's reports") \
	X(spy_rate, "spy", "rate", INT, "100", "1..10000", AGENT, PySpySettings, \
	  "samples per second of CPU time and thread") \
	X(spy_output, "spy", "output", CHOICES, "svg", FP_SPY_FORMATS, REPORT, PySpySettings, \
	  "comma list of report formats") \
	X(spy_native, "spy", "native", BOOL, "0", "", AGENT, PySpySettings, \
	  "1: the native part of each stack too") \
	X(spy_threads, "spy", "threads", BOOL, "0", "", REPORT, PySpySettings, \
	  "1: a root frame per thread") \
	X(spy_threads_include, "spy", "threads_include", GLOBS, "", "", REPORT, PySpySettings, \
	  "only threads whose name matches one of these globs") \
	X(spy_threads_exclude, "spy", "threads_exclude", GLOBS, "", "", REPORT, PySpySettings, \
	  "no threads whose name matches one of these globs") \
	X(spy_gil, "spy", "gil", BOOL, "0", "", REPORT, PySpySettings, \
	  "1: only samples that hold the GIL") \
	X(spy_duration, "spy", "duration", REAL, "0", "0..31536000", AGENT, PySpySettings, \
	  "seconds to record, 0 = to the end; the program goes on") \
	X(spy_subprocesses, "spy", "subprocesses", BOOL, "1", "", BOTH, PySpySettings, \
	  "0: only the first process") \
	X(spy_lineno, "spy", "lineno", BOOL, "1", "", REPORT, PySpySettings, \
	  "0: merge the lines of a function") \
	X(spy_pid, "spy", "pid", TEXT, "", "", BOTH, PySpySettings, \
	  "attaching to a running process: refused until it exists") \
	X(memray_enabled, "memray", "enabled", BOOL, "1", "", BOTH, MemraySettings, \
	  "memory recording with Memray's reports") \
	X(memray_output, "memray", "output", PATH, "", "", REPORT, MemraySettings, \
	  "base path of the reports instead of <output_dir>/<label>-memray") \
	X(memray_format, "memray", "format", CHOICES, "html,bin", FP_MEMRAY_FORMATS, BOTH, MemraySettings, \
	  "comma list of report formats; without bin no stream of allocations is recorded") \
	X(memray_native, "memray", "native", BOOL, "0", "", AGENT, MemraySettings, \
	  "1: the native part of each allocation's stack too") \
	X(memray_exact, "memray", "exact", BOOL, "0", "", AGENT, MemraySettings, \
	  "1: each Python allocation, 0: samples of them; default 1 where memray is enabled by name") \
	X(memray_sample_bytes, "memray", "sample_bytes", INT, "65536", "1024..1073741824", AGENT, MemraySettings, \
	  "mean bytes of Python allocations between two samples") \
	X(memray_temporary_threshold, "memray", "temporary_threshold", INT, "1", "0..64", AGENT, MemraySettings, \
	  "temporary: freed before so many further allocations of its thread") \
	X(memray_snapshot_s, "memray", "snapshot_s", INT, "0", "0..86400", REPORT, MemraySettings, \
	  "seconds between snapshot texts while the program runs, 0: none") \
	X(scalene_enabled, "scalene", "enabled", BOOL, "1", "", BOTH, ScaleneSettings, \
	  "CPU, memory and copies per line with Scalene's reports") \
	X(scalene_cpu_rate, "scalene", "cpu_rate", REAL, "0.01", "0.0001..10", AGENT, ScaleneSettings, \
	  "seconds of CPU time between two samples; one timer serves this and the spy rate: the finer of those given") \
	X(scalene_memory, "scalene", "memory", BOOL, "1", "", BOTH, ScaleneSettings, \
	  "0: no memory columns") \
	X(scalene_copy, "scalene", "copy", BOOL, "1", "", BOTH, ScaleneSettings, \
	  "0: no copy volume") \
	X(scalene_html, "scalene", "html", BOOL, "0", "", REPORT, ScaleneSettings, \
	  "1: the page with source and columns too") \
	X(scalene_output, "scalene", "output", PATH, "", "", REPORT, ScaleneSettings, \
	  "base path of the reports instead of <output_dir>/<label>-scalene") \
	X(scalene_profile_only, "scalene", "profile_only", GLOBS, "", "", REPORT, ScaleneSettings, \
	  "only files whose path matches one of these globs") \
	X(scalene_profile_exclude, "scalene", "profile_exclude", GLOBS, "", "", REPORT, ScaleneSettings, \
	  "no files whose path matches one of these globs")

#endif
