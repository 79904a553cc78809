/* SPDX-License-Identifier: BSD-2-Clause */
/* The style and the program of the HTML report, and the hash by which a browser knows that program
 * (Content Security Policy Level 3, script-src). Generated from lib/report/html/ by scripts/embed-html.sh. */
#ifndef MSC_REPORT_HTML_PAGE_H
#define MSC_REPORT_HTML_PAGE_H

extern const char msc_html_style[], msc_html_program[], msc_html_hash[];

#endif
