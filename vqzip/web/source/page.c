/* What the web page runs of vqzip, as one WebAssembly module: the walk over the codes, and the operations
 * that the networks need to turn codes into pixels. `python -m tools.web.build` compiles it.
 */

#include "../../prior/compiled/source/walk.c"

#include "products.h"
#include "convolutions.h"
#include "maps.h"
#include "wavelet.h"
#include "code_lengths.h"
