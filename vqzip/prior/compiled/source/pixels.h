/* Pixels without loss: every sample of a tile, plane by plane in raster order. docs/reference/pixels.md says
 * what is computed; vqzip/prior/pixels/python.py computes the same in Python. */

static int tile_begin(PixelTile *tile, const PixelJob *job)
{
    memset(tile, 0, sizeof *tile);
    tile->height = (int)job->height;
    tile->width = (int)job->width;
    tile->depth = (int)job->depth;
    tile->planes = (int)job->planes;
    tile->stride = tile->width + 2 * PAD;
    const size_t plane = (size_t)tile->stride * (size_t)(tile->height + 2 * PAD);
    tile->memory = malloc(2 * (size_t)tile->planes * plane * sizeof *tile->memory);
    if (!tile->memory)
        return NO_MEMORY;
    for (int p = 0; p < tile->planes; p++) {
        int32_t *samples = tile->memory + 2 * (size_t)p * plane, *errors = samples + plane;
        for (size_t i = 0; i < plane; i++) {
            samples[i] = p ? 0 : 1 << (tile->depth - 1);
            errors[i] = 2 * UNIT << (tile->depth - 8);
        }
        tile->samples[p] = samples + PAD * tile->stride + PAD;
        tile->errors[p] = errors + PAD * tile->stride + PAD;
    }
    return DONE;
}

/* Fills what surrounds a row before it is coded: copies of the ends of the row above. */
static void pad_before(const PixelTile *tile, int32_t *row)
{
    for (int i = 0; i < PAD; i++) {
        row[-1 - i] = row[-tile->stride];
        row[tile->width + i] = row[tile->width - 1 - tile->stride];
    }
}

static void pad_after(const PixelTile *tile, int32_t *row)
{
    for (int i = 0; i < PAD; i++)
        row[tile->width + i] = row[tile->width - 1];
}

static void pad_below(const PixelTile *tile, int32_t *plane)
{
    int32_t *last = plane + (tile->height - 1) * tile->stride - PAD;
    for (int i = 1; i <= PAD; i++)
        memcpy(last + i * tile->stride, last, (size_t)tile->stride * sizeof *last);
}

static void take_sample(
    PixelTile *tile, int plane, int at, int32_t sample, const Context *context, const PixelModel *model,
    Predictor *predictor, int parity, const Kernels *kernels)
{
    const int32_t one = model->reciprocal[context->expected];
    int32_t inputs[INPUTS];
    for (int i = 0; i < INPUTS; i++)
        inputs[i] = in_errors((int64_t)context->inputs[i] * UNIT, one);
    tile->samples[plane][at] = sample - context->base;
    tile->errors[plane][at] = sample * UNIT - context->prediction;
    kernels->learn(
        predictor, inputs,
        in_errors((int64_t)(sample - context->base - context->reference) * UNIT, one), parity);
}

/* What a walk is for: one of the pointers is set. */
typedef struct {
    Reader *reader;
    Writer *writer;
    PixelNote *notes; /* (planes, height, width) */
} PixelPort;

/* What is learned on the way in a plane. */
typedef struct {
    Predictor predictor;
    Repeats repeats;
} Learner;

static void code_sample(
    const PixelPort *port, const PixelTile *tile, int plane, int at, const Context *context,
    uint16_t *sample, size_t number, const PixelModel *model, Learner *learner, const Kernels *kernels)
{
    if (port->notes) {
        PixelNote *note = port->notes + number;
        note->prediction = context->prediction;
        note->expected = context->expected;
        memcpy(note->features, context->features, sizeof note->features);
        return;
    }
    Mixture mixture = mixture_of(model, plane, context, tile->depth, kernels);
    Repeat *repeat = find_repeat(&learner->repeats, tile, plane, at, context->base, &mixture);
    if (port->writer)
        mixture_write(&mixture, port->writer, *sample);
    else
        *sample = (uint16_t)mixture_read(&mixture, port->reader);
    repeat_learn(repeat, &mixture, *sample);
}

static void code_row(
    PixelTile *tile, int plane, int y, const PixelJob *job, const PixelModel *model, Learner *learner,
    const PixelPort *port, const Kernels *kernels)
{
    const size_t first = (size_t)((plane * job->height + y) * job->width);
    uint16_t *samples = job->samples + first;
    const int row = y * tile->stride;
    pad_before(tile, tile->samples[plane] + row);
    pad_before(tile, tile->errors[plane] + row);
    for (int x = 0; x < tile->width; x++) {
        Context context = {0};
        find_context(tile, plane, row + x, &learner->predictor, model, &context);
        if (!job->known || y % job->known || x % job->known)
            code_sample(
                port, tile, plane, row + x, &context, samples + x, first + (size_t)x, model, learner,
                kernels);
        take_sample(
            tile, plane, row + x, samples[x], &context, model, &learner->predictor, x & 1, kernels);
    }
    pad_after(tile, tile->samples[plane] + row);
    pad_after(tile, tile->errors[plane] + row);
}

static int pixels_fit(const PixelModel *model, const PixelJob *job)
{
    if ((job->planes != 1 && job->planes != MOST_PLANES) || (job->depth != 8 && job->depth != 16) ||
        job->height < 1 || job->width < 1 || job->height > MOST_TILE || job->width > MOST_TILE ||
        job->known < 0 || !job->samples || !model->first_weights || !model->reciprocal ||
        !model->deviation || !model->narrowness || !model->logistic || !model->exponential)
        return 0;
    for (int plane = 0; plane < job->planes; plane++) {
        int64_t most = MOST_FEATURES / 2;
        for (int n = 0; n < 3; n++) {
            const PixelLayer *layer = &model->layers[plane][n];
            const int64_t lanes = layer->weights.lanes;
            if (!layer->weights.weight || !layer->rounding.bias || !layer->rounding.shift ||
                layer->weights.pairs < 1 || layer->weights.pairs > most || lanes < LANES ||
                lanes > MOST_OUTPUTS || lanes % LANES || layer->rounding.lanes != lanes)
                return 0;
            most = lanes / 2;
        }
    }
    return 1;
}

static int code_pixels(
    const PixelModel *model, const PixelJob *job, const PixelPort *port, const Kernels *kernels)
{
    PixelTile tile;
    if (!kernels || !pixels_fit(model, job))
        return DOES_NOT_FIT;
    if (!port->reader && job->depth == 8)
        for (int64_t i = 0; i < job->planes * job->height * job->width; i++)
            if (job->samples[i] > 255)
                return CODE_TOO_LARGE;
    int result = tile_begin(&tile, job);
    for (int plane = 0; plane < tile.planes && !result; plane++) {
        Learner learner;
        const int32_t *first = model->first_weights + (job->known ? MOST_PLANES : 0) * INPUTS;
        predictor_begin(&learner.predictor, first + plane * INPUTS, inputs_of(plane));
        repeats_begin(&learner.repeats);
        for (int y = 0; y < tile.height && !result; y++) {
            result = port->writer ? writer_reserve(port->writer, tile.width) : DONE;
            if (!result)
                code_row(&tile, plane, y, job, model, &learner, port, kernels);
        }
        pad_below(&tile, tile.samples[plane]);
        pad_below(&tile, tile.errors[plane]);
    }
    free(tile.memory);
    return result;
}

/* The same as `vqz_layout`, for the structures of pixels. */
EXPORT int64_t vqz_pixel_layout(void)
{
    return (int64_t)(sizeof(PixelModel) + 7 * sizeof(PixelJob) + 11 * sizeof(PixelNote));
}

EXPORT int vqz_read_pixels(
    const PixelModel *model, const PixelJob *job, Reader *reader, int64_t kernels)
{
    Reader local = *reader;
    const PixelPort port = {&local, NULL, NULL};
    const int result = code_pixels(model, job, &port, kernels_at(kernels));
    *reader = local;
    return result;
}

EXPORT int vqz_write_pixels(
    const PixelModel *model, const PixelJob *job, Writer *writer, int64_t kernels)
{
    const PixelPort port = {NULL, writer, NULL};
    return code_pixels(model, job, &port, kernels_at(kernels));
}

/* Notes what the network of the model would see. */
EXPORT int vqz_note_pixels(
    const PixelModel *model, const PixelJob *job, PixelNote *notes, int64_t kernels)
{
    const PixelPort port = {NULL, NULL, notes};
    return notes ? code_pixels(model, job, &port, kernels_at(kernels)) : DOES_NOT_FIT;
}
