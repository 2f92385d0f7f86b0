/**
 * What sparsity does to a model, as one HTML file: a {@link dev.sparsed.bench.report.PromptStudy} looks at one prompt step by step,
 * {@link dev.sparsed.bench.report.QualityChart} sums up outcomes of many tasks, {@link dev.sparsed.bench.report.ReportPage} puts both into a page.
 */
@NullMarked
package dev.sparsed.bench.report;

import org.jspecify.annotations.NullMarked;
