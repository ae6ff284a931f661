/* Context tiles of a level, and the padded maps of their positions. */

enum { TOP = 2, BOTTOM = 1, LEFT = 2, RIGHT = 3 }; /* what surrounds a context tile in a map */

/* Where the context tiles of a level lie. */
typedef struct {
    int64_t height, width, side, tile_columns, first_tile, last_tile;
    int64_t padded_height, padded_width;
} Tiles;

typedef struct {
    int64_t top, left, height, width;
} Box;

static Tiles tiles_of(const Level *level, const Job *job)
{
    Tiles tiles = {job->height, job->width, level->side, 0, job->first_tile, job->last_tile, 0, 0};
    tiles.tile_columns = (job->width + level->side - 1) / level->side;
    tiles.padded_height = TOP + (job->height < level->side ? job->height : level->side) + BOTTOM;
    tiles.padded_width = LEFT + (job->width < level->side ? job->width : level->side) + RIGHT;
    return tiles;
}

static Box box_of(const Tiles *tiles, int64_t tile)
{
    Box box = {tile / tiles->tile_columns * tiles->side, tile % tiles->tile_columns * tiles->side, 0, 0};
    box.height = tiles->height - box.top < tiles->side ? tiles->height - box.top : tiles->side;
    box.width = tiles->width - box.left < tiles->side ? tiles->width - box.left : tiles->side;
    return box;
}

/* Returns the row of a padded map for a position of a tile. */
static int64_t padded_index(const Tiles *tiles, int64_t tile, int64_t i, int64_t j)
{
    return ((tile - tiles->first_tile) * tiles->padded_height + i + TOP) * tiles->padded_width + j + LEFT;
}

static int64_t padded_size(const Tiles *tiles)
{
    return (tiles->last_tile - tiles->first_tile) * tiles->padded_height * tiles->padded_width;
}
