/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the transport's where it lends some, of the C library's otherwise. */
#include "transport/memory.h"

#include <stdlib.h>

int msc_memory_need(struct msc_target *t, struct msc_memory *m, size_t len, struct msc_err *err)
{
	if (m->p && m->len >= len)
		return 0;
	msc_memory_free(t, m);
	if (t->transport->lend && len)
		m->p = t->transport->lend(t, len);
	m->lent = m->p != NULL;
	if (!m->p)
		m->p = malloc(len ? len : 1);
	if (!m->p)
		return msc_nomem(err);
	m->len = len;
	return 0;
}

void msc_memory_free(struct msc_target *t, struct msc_memory *m)
{
	if (m->lent)
		t->transport->unlend(t, m->p);
	else
		free(m->p);
	*m = (struct msc_memory){ .p = NULL };
}
