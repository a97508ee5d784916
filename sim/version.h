#pragma once
/* Version of the whole program. */
#define EFT_VERSION "0.1"
