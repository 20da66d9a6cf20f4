-- Draws at most as often as there are numbers in ARGV, which are uniform below 2^53. A number that
-- would make the odds uneven is passed over. Answers the places; -1 is last where all is gone.
-- units: place -> units left.  weights: place -> weight.
-- odds: the places in stock, each scored with the sum of the weights up to it.  total: that of all.
local units, weights, odds, total_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local total = tonumber(redis.call('GET', total_key))
local places = {}
for _, text in ipairs(ARGV) do
    if total == 0 then
        places[#places + 1] = -1
        break
    end
    local number = tonumber(text)
    if number < 2 ^ 53 - math.fmod(2 ^ 53, total) then
        local target = string.format('(%.0f', math.fmod(number, total))
        local place = redis.call('ZRANGEBYSCORE', odds, target, '+inf', 'LIMIT', 0, 1)[1]
        places[#places + 1] = tonumber(place)
        if redis.call('HINCRBY', units, place, -1) == 0 then
            local others = redis.call('ZRANGE', odds, 0, -1)
            redis.call('DEL', odds)
            total = 0
            for _, other in ipairs(others) do
                if other ~= place then
                    total = total + tonumber(redis.call('HGET', weights, other))
                    redis.call('ZADD', odds, string.format('%.0f', total), other)
                end
            end
            redis.call('SET', total_key, string.format('%.0f', total))
        end
    end
end
return places
