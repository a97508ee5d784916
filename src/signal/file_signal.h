#pragma once
/* Signals to who owns a file (fs/async.h). */

void file_signals_init(void);    /* boot */
